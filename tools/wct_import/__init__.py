"""What wct-import is made of. Readers (pickles, pytorch, torch7, safetensors) turn a file into named tensors or a list of
layers, layouts turn these into networks, merge makes one model of several networks, normalize rescales it."""
