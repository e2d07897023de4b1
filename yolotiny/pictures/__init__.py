"""Picture files and arrays of every depth and number of bands to eight bits, by one rule everywhere, without torch.

files       what is wrong with a file, its size, and decoding by OpenCV
tiff        the header of a TIFF
raw         every band of a file, as it is
depth       how values become eight bits
reader      the two together, for a model
survey      what is decided once for all pictures of a source
memory      arrays and pictures of Pillow
"""
