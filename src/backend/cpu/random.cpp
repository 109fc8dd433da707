// RandomBits on the CPU.
#include "backend/cpu/random.h"

#include <vector>

#include "backend/cpu/strided_cursor.h"
#include "mlx/primitives/random.h"

namespace mlx::core::cpu {
namespace {

void eval_random_bits(const Primitive&, const std::vector<array>& inputs,
                      std::vector<array>& outputs) {
  const array& keys = inputs[0];
  array& out = outputs[0];
  out.set_data(allocator::malloc(out.nbytes()));
  if (out.size() == 0) return;
  std::vector<uint32_t> words(keys.size());
  StridedCursor cursor(keys.shape(), keys.strides());
  for (uint32_t& word : words) {
    word = keys.data<uint32_t>()[cursor.offset()];
    cursor.next();
  }
  const auto num_keys = static_cast<int64_t>(words.size() / 2);
  random_bits(words.data(), num_keys, out.data<char>(),
              static_cast<int64_t>(out.nbytes()) / num_keys);
}

}  // namespace

void register_random(KernelTable& table) { table.add<RandomBits>(eval_random_bits); }

}  // namespace mlx::core::cpu
