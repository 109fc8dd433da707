// The DLPack protocol: tensors of other libraries in, capsules over our memory out.
#include <memory>
#include <string>

#include "bindings.h"
#include "interop.h"
#include "mlx/backend/cuda/cuda.h"
#include "mlx/ops.h"

namespace {

// The C structures of the DLPack specification, version 1.0.
struct DLDevice {
  int32_t device_type;
  int32_t device_id;
};
struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor*);
};
struct DLManagedTensorVersioned {
  uint32_t major;
  uint32_t minor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned*);
  uint64_t flags;
  DLTensor tensor;
};

constexpr int kCpu = 1;
constexpr int kCuda = 2;
constexpr int kCudaHost = 3;
constexpr uint64_t kIsCopied = 2;
constexpr int kMaxRank = 64;

enum Code : uint8_t { kInt = 0, kUInt = 1, kFloat = 2, kBfloat = 4, kComplex = 5, kBool = 6 };

ForeignData::Type type_of(DLDataType dtype) {
  using Type = ForeignData::Type;
  bool is_power = dtype.bits == 8 || dtype.bits == 16 || dtype.bits == 32 || dtype.bits == 64;
  if (dtype.lanes == 1) {
    if (dtype.code == kInt && is_power) return Type::signed_int;
    if (dtype.code == kUInt && is_power) return Type::unsigned_int;
    if (dtype.code == kFloat && is_power && dtype.bits != 8) return Type::real;
    if (dtype.code == kBfloat && dtype.bits == 16) return Type::bfloat;
    if (dtype.code == kComplex && (dtype.bits == 64 || dtype.bits == 128)) return Type::complex;
    if (dtype.code == kBool && dtype.bits == 8) return Type::boolean;
  }
  throw std::invalid_argument("[from_dlpack] no dtype holds elements of DLPack code " +
                              std::to_string(dtype.code) + " with " + std::to_string(dtype.bits) +
                              " bits.");
}

mx::array copy_tensor(const DLTensor& tensor, std::optional<mx::Dtype> dtype) {
  if (tensor.device.device_type != kCpu && tensor.device.device_type != kCudaHost) {
    throw std::invalid_argument("[from_dlpack] the memory is not reachable from the CPU.");
  }
  if (tensor.ndim < 0 || tensor.ndim > kMaxRank) {
    throw std::invalid_argument("[from_dlpack] a tensor of rank " + std::to_string(tensor.ndim) +
                                " cannot be imported.");
  }
  ForeignData source;
  source.data = static_cast<const char*>(tensor.data) + tensor.byte_offset;
  source.type = type_of(tensor.dtype);
  source.itemsize = tensor.dtype.bits / 8;
  source.strides.resize(tensor.ndim);
  int64_t next = source.itemsize;
  for (int i = 0; i < tensor.ndim; ++i) {
    source.shape.push_back(mx::safe_cast(tensor.shape[i], "from_dlpack"));
  }
  for (int i = tensor.ndim - 1; i >= 0; --i) {
    source.strides[i] = tensor.strides ? tensor.strides[i] * source.itemsize : next;
    next *= tensor.shape[i];
  }
  return copy_foreign(source, dtype);
}

nb::object call_dlpack(nb::handle object) {
  nb::object method = object.attr("__dlpack__");
  if (!nb::hasattr(object, "__dlpack_device__")) return method();
  auto device = nb::cast<std::pair<int, int>>(object.attr("__dlpack_device__")());
  if (device.first == kCpu || device.first == kCudaHost) return method();
  // The producer's work is ordered before the legacy default stream (1), which is then waited for.
  if (device.first == kCuda && mx::cu::is_available()) return method("stream"_a = 1);
  // The producer brings the data to the CPU.
  return method("dl_device"_a = nb::make_tuple(kCpu, 0), "copy"_a = true,
                "max_version"_a = nb::make_tuple(1, 0));
}

mx::Dtype dtype_of(DLDataType dtype) {
  auto is = [&](uint8_t code, int bits) {
    return dtype.code == code && dtype.bits == bits && dtype.lanes == 1;
  };
  for (mx::Dtype d : {mx::uint8, mx::uint16, mx::uint32, mx::uint64}) {
    if (is(kUInt, 8 * d.size())) return d;
  }
  for (mx::Dtype d : {mx::int8, mx::int16, mx::int32, mx::int64}) {
    if (is(kInt, 8 * d.size())) return d;
  }
  for (mx::Dtype d : {mx::float16, mx::float32, mx::float64}) {
    if (is(kFloat, 8 * d.size())) return d;
  }
  if (is(kBfloat, 16)) return mx::bfloat16;
  if (is(kComplex, 64)) return mx::complex64;
  if (is(kBool, 8)) return mx::bool_;
  throw std::invalid_argument("[from_dlpack] no dtype holds elements of DLPack code " +
                              std::to_string(dtype.code) + " with " + std::to_string(dtype.bits) +
                              " bits.");
}

/** An array over a GPU tensor, which is let go of with the array. */
mx::array take_gpu_tensor(nb::handle capsule, DLManagedTensor* managed) {
  const DLTensor& tensor = managed->tensor;
  mx::Dtype dtype = dtype_of(tensor.dtype);
  mx::Shape shape;
  mx::Strides strides(tensor.ndim, 1);
  int64_t next = 1;
  for (int i = 0; i < tensor.ndim; ++i) {
    shape.push_back(mx::safe_cast(tensor.shape[i], "from_dlpack"));
  }
  for (int i = tensor.ndim - 1; i >= 0; --i) {
    strides[i] = tensor.strides ? tensor.strides[i] : next;
    next *= tensor.shape[i];
    if (strides[i] < 0)
      throw std::invalid_argument("[from_dlpack] a GPU tensor has a negative stride.");
  }
  PyCapsule_SetName(capsule.ptr(), "used_dltensor");  // from here on ours to free
  return mx::cu::from_device_data(static_cast<char*>(tensor.data) + tensor.byte_offset,
                                  std::move(shape), std::move(strides), dtype,
                                  [managed] { managed->deleter(managed); });
}

/** What an exported capsule keeps alive. */
struct Export {
  explicit Export(mx::array a) : source(std::move(a)) {}

  mx::array source;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  DLManagedTensor plain{};
  DLManagedTensorVersioned versioned{};
};

DLDataType dlpack_dtype(mx::Dtype dtype) {
  auto bits = static_cast<uint8_t>(8 * dtype.size());
  if (dtype == mx::bool_) return {kBool, bits, 1};
  if (dtype == mx::bfloat16) return {kBfloat, bits, 1};
  if (dtype == mx::complex64) return {kComplex, bits, 1};
  if (mx::issubdtype(dtype, mx::unsignedinteger)) return {kUInt, bits, 1};
  if (mx::issubdtype(dtype, mx::signedinteger)) return {kInt, bits, 1};
  return {kFloat, bits, 1};
}

DLTensor describe(Export& exported, bool on_gpu) {
  mx::array& a = exported.source;
  exported.shape.assign(a.shape().begin(), a.shape().end());
  exported.strides.assign(a.strides().begin(), a.strides().end());
  DLTensor tensor{};
  tensor.data = on_gpu ? mx::cu::device_data(a) : a.data<void>();
  tensor.device = {on_gpu ? kCuda : kCpu, 0};
  tensor.ndim = static_cast<int32_t>(a.ndim());
  tensor.dtype = dlpack_dtype(a.dtype());
  tensor.shape = exported.shape.data();
  tensor.strides = exported.strides.data();
  return tensor;
}

constexpr const char* kPlainName = "dltensor";
constexpr const char* kVersionedName = "dltensor_versioned";

/** Runs when a capsule dies that nobody took the tensor from. */
void drop_capsule(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, kPlainName)) {
    auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, kPlainName));
    managed->deleter(managed);
  } else if (PyCapsule_IsValid(capsule, kVersionedName)) {
    auto* managed =
        static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(capsule, kVersionedName));
    managed->deleter(managed);
  }
}

nb::object to_dlpack(nb::handle self, nb::handle stream, nb::handle max_version,
                     std::optional<std::pair<int, int>> device, std::optional<bool> copy) {
  const bool gpu_wanted = device && device->first == kCuda && mx::cu::is_available();
  if (device && device->first != kCpu && !gpu_wanted) {
    PyErr_SetString(PyExc_BufferError, device->first == kCuda
                                           ? "CUDA DLPack export is not supported."
                                           : "arrays are exported to DLPack on the CPU only.");
    throw nb::python_error();
  }
  mx::array a = *as_array(self);
  if (copy.value_or(false)) a = mx::copy(a);
  eval_released(a);
  const bool on_gpu = device ? gpu_wanted : mx::cu::is_on_device(a);
  auto exported = std::make_unique<Export>(a);
  bool versioned = !max_version.is_none() && nb::cast<int>(max_version[0]) >= 1;
  PyObject* capsule = nullptr;
  if (versioned) {
    auto& managed = exported->versioned;
    managed = {1,
               0,
               exported.get(),
               [](DLManagedTensorVersioned* m) { delete static_cast<Export*>(m->manager_ctx); },
               copy.value_or(false) ? kIsCopied : 0,
               describe(*exported, on_gpu)};
    capsule = PyCapsule_New(&managed, kVersionedName, drop_capsule);
  } else {
    auto& managed = exported->plain;
    managed = {describe(*exported, on_gpu), exported.get(),
               [](DLManagedTensor* m) { delete static_cast<Export*>(m->manager_ctx); }};
    capsule = PyCapsule_New(&managed, kPlainName, drop_capsule);
  }
  if (!capsule) throw nb::python_error();
  exported.release();
  return nb::steal(capsule);
}

}  // namespace

mx::array array_from_dlpack(nb::handle object, std::optional<mx::Dtype> dtype) {
  nb::object capsule = call_dlpack(object);
  if (PyCapsule_IsValid(capsule.ptr(), kVersionedName)) {
    auto* managed =
        static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(capsule.ptr(), kVersionedName));
    if (managed->major != 1) {
      throw std::invalid_argument("[from_dlpack] the tensor has an unknown DLPack version.");
    }
    return copy_tensor(managed->tensor, dtype);
  }
  if (!PyCapsule_IsValid(capsule.ptr(), kPlainName)) {
    throw std::invalid_argument("[from_dlpack] __dlpack__ returned no DLPack capsule.");
  }
  auto* tensor = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), kPlainName));
  if (tensor->tensor.device.device_type == kCuda) {
    mx::array taken = take_gpu_tensor(capsule, tensor);
    return dtype ? mx::astype(taken, *dtype) : taken;
  }
  // The data is copied, so the capsule stays the producer's and is freed with it.
  auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), kPlainName));
  return copy_tensor(managed->tensor, dtype);
}

void bind_dlpack(nb::module_& m, ArrayClass& array_class) {
  array_class
      .def("__dlpack__", &to_dlpack, nb::kw_only(), "stream"_a = nb::none(),
           "max_version"_a = nb::none(), "dl_device"_a = nb::none(), "copy"_a = nb::none(),
           "A DLPack capsule over the memory of the array.")
      .def(
          "__dlpack_device__",
          [](const mx::array& a) {
            mx::array evaluated = a;
            eval_released(evaluated);
            return std::make_pair(mx::cu::is_on_device(evaluated) ? kCuda : kCpu, 0);
          },
          "The DLPack device of the array's memory.");
}
