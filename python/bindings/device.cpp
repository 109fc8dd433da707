// Devices, streams and the contexts that choose them.
#include "mlx/device.h"

#include <nanobind/stl/unordered_map.h>
#include <nanobind/stl/variant.h>

#include <memory>
#include <sstream>

#include "bindings.h"
#include "convert.h"
#include "mlx/stream.h"

namespace {

using DeviceType = mx::Device::DeviceType;

/** A device, or the first of a type. */
mx::Device to_device(const std::variant<mx::Device, DeviceType>& d) {
  if (auto* device = std::get_if<mx::Device>(&d)) return *device;
  return mx::Device(std::get<DeviceType>(d));
}

using DeviceOrType = std::variant<mx::Device, DeviceType>;

/** `with mx.stream(s):`; the choice is made on entry. */
struct PyStreamContext {
  explicit PyStreamContext(mx::StreamOrDevice s) : target(std::move(s)) {}

  mx::StreamOrDevice target;
  std::unique_ptr<mx::StreamContext> active;  // ends on leaving the block
};

template <typename T>
std::string to_text(const T& value) {
  std::ostringstream os;
  os << value;
  return os.str();
}

template <typename T>
nb::object equals(const T& a, nb::handle other) {
  return nb::bool_(nb::isinstance<T>(other) && a == nb::cast<T>(other));
}

mx::StreamOrDevice require_target(mx::StreamOrDevice s) {
  if (std::holds_alternative<std::monostate>(s)) {
    throw nb::type_error("stream(): expected a stream or a device, got None.");
  }
  return s;
}

void synchronize(const mx::StreamOrDevice& s) {
  nb::gil_scoped_release release;
  if (std::holds_alternative<std::monostate>(s)) {
    mx::synchronize();
  } else if (auto* local = std::get_if<mx::ThreadLocalStream>(&s)) {
    mx::synchronize(*local);
  } else {
    mx::synchronize(mx::to_stream(s));
  }
}

void bind_streams(nb::module_& m) {
  nb::class_<mx::Stream>(m, "Stream", "An ordered queue of work on a device.")
      .def_prop_ro(
          "device", [](const mx::Stream& s) { return s.device; }, "The device.")
      .def("__repr__", &to_text<mx::Stream>)
      .def("__eq__", &equals<mx::Stream>, nb::arg().none())
      .def("__hash__", [](const mx::Stream& s) { return 31 * s.index + s.device.index; });
  nb::class_<mx::ThreadLocalStream>(m, "ThreadLocalStream",
                                    "A name for a stream that is another one in each thread.")
      .def_prop_ro(
          "device", [](const mx::ThreadLocalStream& s) { return s.device; }, "The device.")
      .def("__repr__",
           [](const mx::ThreadLocalStream& s) {
             return "ThreadLocal" + to_text(static_cast<const mx::Stream&>(s));
           })
      .def("__eq__", &equals<mx::ThreadLocalStream>, nb::arg().none())
      .def("__hash__", [](const mx::ThreadLocalStream& s) { return s.index; });

  m.def(
      "default_stream", [](const DeviceOrType& d) { return mx::default_stream(to_device(d)); },
      "device"_a, "The default stream of a device.");
  m.def("set_default_stream", &mx::set_default_stream, "stream"_a,
        "Makes a stream the default of its device in this thread; the default device stays.");
  m.def(
      "new_stream", [](const DeviceOrType& d) { return mx::new_stream(to_device(d)); }, "device"_a,
      "A new stream of a device; any thread may use it.");
  m.def(
      "new_thread_unsafe_stream",
      [](const DeviceOrType& d) { return mx::new_thread_unsafe_stream(to_device(d)); }, "device"_a,
      "The same as new_stream: every stream may be used from any thread.");
  m.def(
      "new_thread_local_stream",
      [](const DeviceOrType& d) { return mx::new_thread_local_stream(to_device(d)); }, "device"_a,
      "A stream argument that stands for another stream in each thread.");
  m.def(
      "clear_streams",
      [] {
        nb::gil_scoped_release release;
        mx::clear_streams();
      },
      "Waits for the streams of this thread and lets go of them.");

  nb::class_<PyStreamContext>(m, "StreamContext", "Chooses device and stream for a `with` block.")
      .def(
          "__init__",
          [](PyStreamContext* self, mx::StreamOrDevice s) {
            new (self) PyStreamContext(require_target(std::move(s)));
          },
          "s"_a)
      .def("__enter__",
           [](PyStreamContext& context) {
             context.active = std::make_unique<mx::StreamContext>(context.target);
           })
      .def(
          "__exit__",
          [](PyStreamContext& context, nb::handle, nb::handle, nb::handle) {
            context.active.reset();
          },
          "exc_type"_a = nb::none(), "exc_value"_a = nb::none(), "traceback"_a = nb::none());
  m.def(
      "stream", [](mx::StreamOrDevice s) { return PyStreamContext(require_target(std::move(s))); },
      "s"_a, "A context in which a device or stream is the default.");
  m.def("synchronize", &synchronize, "stream"_a = nb::none(),
        "Waits until the work given to a stream so far is done.");
}

}  // namespace

void bind_device(nb::module_& m) {
  nb::class_<mx::Device> device(m, "Device", "A device that runs operations.");
  nb::enum_<DeviceType>(m, "DeviceType")
      .value("cpu", DeviceType::cpu)
      .value("gpu", DeviceType::gpu)
      .export_values()
      .def(
          "__eq__",
          [](DeviceType type, nb::handle other) {
            if (nb::isinstance<mx::Device>(other)) return nb::cast<mx::Device>(other) == type;
            return nb::isinstance<DeviceType>(other) && nb::cast<DeviceType>(other) == type;
          },
          nb::arg().none())
      .def("__hash__", [](DeviceType type) { return static_cast<int>(type); });
  device.def(nb::init<DeviceType, int>(), "type"_a, "index"_a = 0)
      .def_prop_ro(
          "type", [](const mx::Device& d) { return d.type; }, "cpu or gpu.")
      .def_prop_ro(
          "index", [](const mx::Device& d) { return d.index; }, "The number of the device.")
      .def("__repr__", &to_text<mx::Device>)
      .def(
          "__eq__",
          [](const mx::Device& d, nb::handle other) {
            if (nb::isinstance<mx::Device>(other)) return d == nb::cast<mx::Device>(other);
            return nb::isinstance<DeviceType>(other) && d == nb::cast<DeviceType>(other);
          },
          nb::arg().none())
      .def("__hash__", [](const mx::Device& d) { return static_cast<int>(d.type) + 2 * d.index; });

  m.def("default_device", &mx::default_device, "The device of operations that name none.");
  m.def(
      "set_default_device", [](const DeviceOrType& d) { mx::set_default_device(to_device(d)); },
      "device"_a, "Chooses the device of operations that name none.");
  m.def(
      "is_available", [](const DeviceOrType& d) { return mx::is_available(to_device(d)); },
      "device"_a, "True when the device can be used on this machine.");
  m.def("device_count", &mx::device_count, "device_type"_a,
        "The number of usable devices of a type.");
  m.def(
      "device_info",
      [](const std::optional<DeviceOrType>& d) {
        mx::Device device = d ? to_device(*d) : mx::default_device();
        using Info = std::remove_cvref_t<decltype(mx::device_info(device))>;
        return mx::is_available(device) ? mx::device_info(device) : Info{};
      },
      "d"_a = nb::none(), "Properties of a device: names as text, sizes in bytes.");
  bind_streams(m);
}
