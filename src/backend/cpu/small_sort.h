// Sorting of keys: a few by insertion, more by vectorised quicksort.
#pragma once

#include <hwy/contrib/sort/vqsort.h>

#include <cstdint>

namespace mlx::core::cpu {

template <typename Key>
void sort_keys(Key* keys, int64_t n) {
  constexpr int64_t kInsertionSortLength = 20;
  if (n <= kInsertionSortLength) {
    for (int64_t i = 1; i < n; ++i) {
      Key key = keys[i];
      int64_t j = i;
      for (; j > 0 && key < keys[j - 1]; --j) keys[j] = keys[j - 1];
      keys[j] = key;
    }
    return;
  }
  hwy::Sorter()(keys, static_cast<size_t>(n), hwy::SortAscending());
}

}  // namespace mlx::core::cpu
