// Runs a network that TVM compiled into a library: float32 image in, the float32 outputs one after another out.
// Usage: runner LIBRARY IMAGE OUTPUTS HEIGHT WIDTH
#include <tvm/ffi/container/array.h>
#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/extra/module.h>

#include <cstdlib>
#include <fstream>

namespace ffi = tvm::ffi;

constexpr int kPooledAllocator = 2;  // as Python's VirtualMachine asks for

struct HostMemory {
  void AllocData(DLTensor* tensor) { tensor->data = std::aligned_alloc(64, (ffi::GetDataSize(*tensor) + 63) / 64 * 64); }
  void FreeData(DLTensor* tensor) { std::free(tensor->data); }
};

template <typename... Arguments>
ffi::Any Call(const ffi::Module& module, const char* name, Arguments... arguments) {
  return module->GetFunction(name).value()(arguments...);
}

void Append(std::ofstream& file, const ffi::Tensor& tensor) {
  file.write(static_cast<const char*>(tensor.data_ptr()), ffi::GetDataSize(tensor));
}

int main(int, char** arguments) {
  ffi::Module machine = Call(ffi::Module::LoadFromFile(arguments[1]), "vm_load_executable").cast<ffi::Module>();
  Call(machine, "vm_initialization", static_cast<int>(kDLCPU), 0, kPooledAllocator);

  ffi::Tensor image = ffi::Tensor::FromNDAlloc(HostMemory(), {1, 3, std::atoi(arguments[4]), std::atoi(arguments[5])},
                                               DLDataType{kDLFloat, 32, 1}, DLDevice{kDLCPU, 0});
  std::ifstream(arguments[2], std::ios::binary)
      .read(static_cast<char*>(image.data_ptr()), ffi::GetDataSize(image));

  std::ofstream file(arguments[3], std::ios::binary);
  ffi::Any output = Call(machine, "main", image);
  if (auto tensor = output.as<ffi::Tensor>()) {
    Append(file, *tensor);
  } else {
    for (const ffi::Tensor& tensor : output.cast<ffi::Array<ffi::Tensor>>()) Append(file, tensor);
  }
}
