#include <weft/weft.h>

#include <iostream>

using namespace weft;

int main() {
  // [make]
  Tensor a = tensor({{1, 2, 3}, {4, 5, 6}}, f32);  // nested braces; i64 unless told otherwise
  Tensor b = ones({2, 3});                         // f32 unless told otherwise
  Tensor c = zeros({4}, Options(f64).requires_grad(true));
  Tensor r = arange(6).reshape({2, 3});
  std::cout << a << "\n" << r << "\n";
  // [make]

  // [look]
  std::cout << a.dim() << " " << name(a.dtype()) << " " << a.numel() << "\n";
  for (const Index size : a.sizes()) std::cout << size << " ";  // a Shape reads as a range
  std::cout << a.size(-1) << " " << a.stride(0) << " " << a.is_contiguous() << "\n";
  // [look]

  // [compute]
  Tensor d = (a + b) * 2 - 1;              // numbers are weak: f32 stays f32
  Tensor e = matmul(a, b.t()) / a.sum(1);  // shapes broadcast
  std::cout << d << "\n" << e << "\n";
  std::cout << a.mean().item<double>() << " " << a.max().item<float>() << "\n";
  auto [values, positions] = a.max(1);  // along a dimension: two tensors
  std::cout << values << " " << positions << "\n";
  // [compute]

  // [views]
  Tensor row = a[0];  // a view: the same memory
  row.fill_(7);       // so this changes a
  Tensor columns = a.index({Slice(), Slice(0, None, 2)});
  Tensor large = a.masked_select(a > 5);  // a copy
  std::cout << a << "\n" << columns << "\n" << large << "\n";
  // [views]

  // [memory]
  std::vector<float> mine = {1, 2, 3, 4};
  Tensor seen = from_blob(mine.data(), {2, 2});  // no copy: `mine` must outlive it
  seen.mul_(10);
  std::vector<double> copied = seen.to_vector<double>();
  const float* elements = seen.data<float>();  // throws DTypeError for another type
  std::cout << mine[3] << " " << copied[1] << " " << elements[0] << "\n";
  // [memory]

  // [random]
  manual_seed(42);
  const Tensor first = rand({3});
  manual_seed(42);
  std::cout << (rand({3}) == first).all() << "\n";  // the same bits
  Generator own(7);                                 // a sequence of its own
  std::cout << randperm(5, {}, &own) << "\n";
  // [random]
}
