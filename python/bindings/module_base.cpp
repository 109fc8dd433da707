// The base of nn.Module: a dictionary whose items are attributes, found without raising and
// catching an exception.
#include "bindings.h"

namespace {

/** Ordinary attributes first, as Python finds them, then items. */
PyObject* get_attribute(PyObject* self, PyObject* name) {
  PyObject* found = _PyObject_GenericGetAttrWithDict(self, name, nullptr, 1);
  if (found != nullptr || PyErr_Occurred()) return found;
#if PY_VERSION_HEX >= 0x030d0000
  if (PyDict_GetItemRef(self, name, &found) != 0) return found;
#else
  found = PyDict_GetItemWithError(self, name);
  if (found != nullptr) return Py_NewRef(found);
  if (PyErr_Occurred()) return nullptr;
#endif
  return PyObject_GenericGetAttr(self, name);  // raises the usual error
}

}  // namespace

void bind_module_base(nb::module_& m) {
  PyType_Slot slots[] = {{Py_tp_getattro, reinterpret_cast<void*>(get_attribute)}, {0, nullptr}};
  PyType_Spec spec{"mlx.core._ModuleBase", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  nb::object bases = nb::make_tuple(nb::handle(reinterpret_cast<PyObject*>(&PyDict_Type)));
  m.attr("_ModuleBase") = nb::steal(PyType_FromSpecWithBases(&spec, bases.ptr()));
}
