"""What the contracts check, as plain functions without pytest: `im plugins check` runs them, too."""
