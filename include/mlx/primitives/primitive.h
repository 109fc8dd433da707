// Primitive: the abstract node kind of the graph.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "mlx/api.h"
#include "mlx/array.h"
#include "mlx/device.h"
#include "mlx/stream.h"

namespace mlx::core {

/** A node kind: knows its name, shapes and derivatives, and how to run. Primitives of this library
 * register kernels in the runtime's KernelTable; those of extensions override eval_cpu and
 * eval_gpu. */
class MLX_API Primitive {
 public:
  explicit Primitive(Stream stream) : stream_(stream) {}
  virtual ~Primitive() = default;
  Primitive(const Primitive&) = delete;
  Primitive(Primitive&&) = delete;
  Primitive& operator=(const Primitive&) = delete;
  Primitive& operator=(Primitive&&) = delete;

  const Device& device() const { return stream_.device; }
  const Stream& stream() const { return stream_; }

  /** Computes `outputs` (allocating them) from evaluated `inputs`. By default runs the kernel that
   * the device's backend registered for this type, or raises the uniform "no kernel" error. */
  virtual void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs);
  virtual void eval_gpu(const std::vector<array>& inputs, std::vector<array>& outputs);

  /** The Jacobian-vector product: the tangents of the outputs, given those of inputs `argnums`. */
  virtual std::vector<array> jvp(const std::vector<array>& primals,
                                 const std::vector<array>& tangents,
                                 const std::vector<int>& argnums);

  /** The vector-Jacobian product: the cotangents of inputs `argnums`, given those of all outputs.
   */
  virtual std::vector<array> vjp(const std::vector<array>& primals,
                                 const std::vector<array>& cotangents,
                                 const std::vector<int>& argnums,
                                 const std::vector<array>& outputs);

  /** The primitive over batched inputs: `axes[i]` is input i's batch axis, -1 for none. Returns the
   * outputs and their batch axes. */
  virtual std::pair<std::vector<array>, std::vector<int>> vmap(const std::vector<array>& inputs,
                                                               const std::vector<int>& axes);

  virtual const char* name() const = 0;

  /** True when `other`, of the same type, computes the same function. */
  virtual bool is_equivalent(const Primitive& other) const { return false; }

  virtual std::vector<Shape> output_shapes(const std::vector<array>& inputs);

  /** The element-wise op this is (an index into the OpList), or -1: what the fuser asks. */
  virtual int element_op() const { return -1; }
  /** Parameters that the element formula reads, as raw bytes. */
  virtual std::span<const std::byte> element_params() const { return {}; }

 private:
  Stream stream_;
};

/** A primitive with one output. */
class MLX_API UnaryPrimitive : public Primitive {
 public:
  explicit UnaryPrimitive(Stream stream) : Primitive(stream) {}

  virtual void eval_cpu(const std::vector<array>& inputs, array& output) = 0;
  virtual void eval_gpu(const std::vector<array>& inputs, array& output) = 0;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    eval_cpu(inputs, outputs[0]);
  }
  void eval_gpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    eval_gpu(inputs, outputs[0]);
  }
};

}  // namespace mlx::core

// The declarations that primitives of extensions usually need.
#define DEFINE_VMAP()                                                                    \
  std::pair<std::vector<array>, std::vector<int>> vmap(const std::vector<array>& inputs, \
                                                       const std::vector<int>& axes) override;

#define DEFINE_GRADS()                                                                            \
  std::vector<array> jvp(const std::vector<array>& primals, const std::vector<array>& tangents,   \
                         const std::vector<int>& argnums) override;                               \
  std::vector<array> vjp(const std::vector<array>& primals, const std::vector<array>& cotangents, \
                         const std::vector<int>& argnums, const std::vector<array>& outputs)      \
      override;

#define DEFINE_NAME(PRIMITIVE) \
  const char* name() const override { return #PRIMITIVE; }

#define DEFINE_DEFAULT_IS_EQUIVALENT() \
  bool is_equivalent(const Primitive& other) const override { return true; }

#define DEFINE_INPUT_OUTPUT_SHAPE()                                             \
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override { \
    return {inputs[0].shape()};                                                 \
  }
