// Files on disk as readers and writers.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/errors.h"
#include "base/thread_pool.h"
#include "mlx/io/load.h"

namespace mlx::core::io {

namespace {

constexpr size_t kReadChunk = size_t{16} << 20;

int seek_origin(std::ios_base::seekdir way) {
  if (way == std::ios_base::beg) return SEEK_SET;
  return way == std::ios_base::end ? SEEK_END : SEEK_CUR;
}

void read_chunk(int fd, char* data, size_t n, size_t offset, const std::string& label) {
  while (n > 0) {
    ssize_t got = pread(fd, data, n, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw_runtime("read", "Unable to read {} bytes from {}.", n, label);
    data += got;
    offset += got;
    n -= got;
  }
}

}  // namespace

ParallelFileReader::ParallelFileReader(std::string path)
    : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), path_(std::move(path)) {
  struct stat status;
  if (fd_ >= 0 && (fstat(fd_, &status) != 0 || S_ISDIR(status.st_mode))) {
    ::close(fd_);
    fd_ = -1;
  }
}

ParallelFileReader::~ParallelFileReader() {
  if (fd_ >= 0) ::close(fd_);
}

size_t ParallelFileReader::tell() { return static_cast<size_t>(lseek(fd_, 0, SEEK_CUR)); }

void ParallelFileReader::seek(int64_t off, std::ios_base::seekdir way) {
  if (lseek(fd_, off, seek_origin(way)) < 0) {
    throw_runtime("read", "Unable to seek to {} in {}.", off, label());
  }
}

void ParallelFileReader::read(char* data, size_t n) {
  size_t position = tell();
  read(data, n, position);
  seek(static_cast<int64_t>(position + n));
}

void ParallelFileReader::read(char* data, size_t n, size_t offset) {
  parallel_ranges(static_cast<int64_t>(n), kReadChunk, [&](int64_t begin, int64_t end) {
    read_chunk(fd_, data + begin, end - begin, offset + begin, label());
  });
}

FileWriter::~FileWriter() {
  if (fd_ >= 0) {
    ::close(fd_);
    ::unlink(temporary_path_.c_str());
  }
}

void FileWriter::open() {
  if (fd_ >= 0 || path_.empty()) return;
  static std::atomic<unsigned> counter{0};
  temporary_path_ = fmt::format("{}.{}.{}.tmp", path_, getpid(), counter++);
  fd_ = ::open(temporary_path_.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
}

size_t FileWriter::tell() { return static_cast<size_t>(lseek(fd_, 0, SEEK_CUR)); }

void FileWriter::seek(int64_t off, std::ios_base::seekdir way) {
  if (lseek(fd_, off, seek_origin(way)) < 0) {
    throw_runtime("write", "Unable to seek to {} in {}.", off, label());
  }
}

void FileWriter::write(const char* data, size_t n) {
  if (!is_open()) throw_runtime("write", "{} is not open.", label());
  while (n > 0) {
    ssize_t written = ::write(fd_, data, std::min<size_t>(n, 1 << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      throw_runtime("write", "Unable to write {} bytes to {}: {}.", n, label(),
                    std::strerror(errno));
    }
    data += written;
    n -= written;
  }
}

void FileWriter::commit() {
  if (fd_ < 0) return;
  int closed = ::close(std::exchange(fd_, -1));
  if (closed != 0 || std::rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    ::unlink(temporary_path_.c_str());
    throw_runtime("write", "Unable to finish {}: {}.", label(), std::strerror(errno));
  }
}

}  // namespace mlx::core::io
