"""Lets the bpy wheels compute fluids; on the path of the background Blender in tests only.

The wheels make their `manta` module when bpy is imported, before its base classes are merged, and the first domain then
ends the process. Here the module is forgotten after the import of bpy, and made anew by the exported C function when
the first domain asks for it (infinigen#318; extern/mantaflow, registry.cpp).
"""

import ctypes
import importlib.abc
import importlib.machinery
import importlib.util
import sys

_library = ""


class _Manta(importlib.abc.Loader):
    def create_module(self, spec):
        init = ctypes.PyDLL(_library).PyInit_manta_main
        init.restype = ctypes.py_object
        return init()

    def exec_module(self, module):
        pass


class _Bpy(importlib.abc.Loader):
    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        sys.modules.pop("manta", None)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        global _library
        if name == "manta" and "bpy" in sys.modules:
            return importlib.util.spec_from_loader("manta", _Manta())
        if name == "bpy":
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            if spec is not None:
                _library = spec.origin if spec.origin.endswith(".so") else _library
                spec.loader = _Bpy(spec.loader)
            return spec
        return None


sys.meta_path.insert(0, _Finder())
