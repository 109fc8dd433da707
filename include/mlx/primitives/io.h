// The primitive that reads an array from a file.
#pragma once

#include <memory>

#include "mlx/io/load.h"
#include "mlx/primitives/primitive.h"

namespace mlx::core {

class MLX_API Load : public Primitive {
 public:
  Load(Stream stream, std::shared_ptr<io::Reader> reader, size_t offset, bool swap_endianness)
      : Primitive(stream), reader_(std::move(reader)), offset_(offset), swap_(swap_endianness) {}
  DEFINE_NAME(Load)
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override;

 private:
  std::shared_ptr<io::Reader> reader_;
  size_t offset_;
  bool swap_;
};

}  // namespace mlx::core
