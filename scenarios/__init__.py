"""One file, one scenario; the file name is its name, its docstring is its story. The smallest is baseline.py."""
