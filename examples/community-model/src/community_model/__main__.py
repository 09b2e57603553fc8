"""`python -m community_model` prints where the package lies: `im predict "$(python -m community_model)" photo.jpg`."""

from community_model import package_path

print(package_path())
