"""What runs on a machine, under the image's Python: shipped there whole, over the byte stream.

Nothing in this folder imports from outside it, so that the same code serves this machine and a
microVM's. It needs nothing but the standard library.
"""
