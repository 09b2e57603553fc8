"""Pre- and post-processing of tensors on a device: what the rest of `vision` does on the host with numpy and OpenCV.

Nothing outside `vision` names these modules: the functions of `vision` call them when they are given tensors, and
`ImagePreProcessor` when it is given a device. Importing them imports no torch, which is found in `sys.modules`: there
is a tensor, or a session of tensors, so it has been imported.

The network's input is the host's to the last bit, as long as OpenCV computes as its portable code does; what comes
after the network is as close as float32 allows. No global setting of torch is read or changed.
"""
