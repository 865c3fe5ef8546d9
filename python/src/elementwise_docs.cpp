#include <weft/python/src/elementwise.h>

#include <cctype>
#include <string_view>

// What help() shows of the elementwise functions: the formula of their struct, the dtypes they
// take, and an example.
namespace weft::python {
namespace {

struct Example {
  std::string_view name, call, result;
};
constexpr Example examples[] = {
    {"abs", "weft.abs(weft.tensor([-1.5, 2.0]))", "tensor([1.5000, 2.0000])"},
    {"neg", "weft.neg(weft.tensor([1.0, -2.0]))", "tensor([-1.,  2.])"},
    {"sign", "weft.sign(weft.tensor([-3.0, 0.0, 5.0]))", "tensor([-1.,  0.,  1.])"},
    {"exp", "weft.exp(weft.tensor([0.0, 1.0]))", "tensor([1.0000, 2.7183])"},
    {"log", "weft.log(weft.tensor([1.0, 10.0]))", "tensor([0.0000, 2.3026])"},
    {"log1p", "weft.log1p(weft.tensor([0.0, 1e-7, 1.0]))",
     "tensor([0.0000e+00, 1.0000e-07, 6.9315e-01])"},
    {"sqrt", "weft.sqrt(weft.tensor([4.0, 9.0]))", "tensor([2., 3.])"},
    {"rsqrt", "weft.rsqrt(weft.tensor([4.0, 16.0]))", "tensor([0.5000, 0.2500])"},
    {"square", "weft.square(weft.tensor([-3.0, 0.5]))", "tensor([9.0000, 0.2500])"},
    {"reciprocal", "weft.reciprocal(weft.tensor([2.0, 4.0]))", "tensor([0.5000, 0.2500])"},
    {"sin", "weft.sin(weft.tensor([0.0, 1.0]))", "tensor([0.0000, 0.8415])"},
    {"cos", "weft.cos(weft.tensor([0.0, 1.0]))", "tensor([1.0000, 0.5403])"},
    {"tanh", "weft.tanh(weft.tensor([-1.0, 0.0, 1.0]))", "tensor([-0.7616,  0.0000,  0.7616])"},
    {"erf", "weft.erf(weft.tensor([0.0, 0.5, 1.0]))", "tensor([0.0000, 0.5205, 0.8427])"},
    {"sigmoid", "weft.sigmoid(weft.tensor([-1.0, 0.0, 1.0]))", "tensor([0.2689, 0.5000, 0.7311])"},
    {"relu", "weft.relu(weft.tensor([-1.0, 2.0]))", "tensor([0., 2.])"},
    {"silu", "weft.silu(weft.tensor([-1.0, 0.0, 1.0]))", "tensor([-0.2689,  0.0000,  0.7311])"},
    {"floor", "weft.floor(weft.tensor([-1.5, 1.5]))", "tensor([-2.,  1.])"},
    {"ceil", "weft.ceil(weft.tensor([-1.5, 1.5]))", "tensor([-1.,  2.])"},
    {"round", "weft.round(weft.tensor([0.5, 1.5, 2.6]))", "tensor([0., 2., 3.])"},
    {"isnan", "weft.isnan(weft.tensor([1.0, float(\"nan\")]))", "tensor([False,  True])"},
    {"isfinite", "weft.isfinite(weft.tensor([1.0, float(\"inf\")]))", "tensor([ True, False])"},
    {"logical_not", "weft.logical_not(weft.tensor([0, 3]))", "tensor([ True, False])"},
    {"pow", "weft.pow(weft.tensor([2.0, 3.0]), 0.5)", "tensor([1.4142, 1.7321])"},
    {"fmod", "weft.fmod(weft.tensor([7, -7]), 3)", "tensor([ 1, -1])"},
    {"remainder", "weft.remainder(weft.tensor([7, -7]), 3)", "tensor([1, 2])"},
    {"maximum", "weft.maximum(weft.tensor([1, 5]), weft.tensor([3, 2]))", "tensor([3, 5])"},
    {"minimum", "weft.minimum(weft.tensor([1, 5]), weft.tensor([3, 2]))", "tensor([1, 2])"},
    {"eq", "weft.eq(weft.tensor([1, 2]), weft.tensor([1, 3]))", "tensor([ True, False])"},
    {"ne", "weft.ne(weft.tensor([1, 2]), weft.tensor([1, 3]))", "tensor([False,  True])"},
    {"lt", "weft.lt(weft.tensor([1, 2, 3]), 2)", "tensor([ True, False, False])"},
    {"le", "weft.le(weft.tensor([1, 2, 3]), 2)", "tensor([ True,  True, False])"},
    {"gt", "weft.gt(weft.tensor([1, 2, 3]), 2)", "tensor([False, False,  True])"},
    {"ge", "weft.ge(weft.tensor([1, 2, 3]), 2)", "tensor([False,  True,  True])"},
    {"logical_and", "weft.logical_and(weft.tensor([True, True]), weft.tensor([True, False]))",
     "tensor([ True, False])"},
    {"logical_or", "weft.logical_or(weft.tensor([True, False]), weft.tensor([False, False]))",
     "tensor([ True, False])"},
    {"logical_xor", "weft.logical_xor(weft.tensor([True, True]), weft.tensor([True, False]))",
     "tensor([False,  True])"},
    {"bitwise_and", "weft.bitwise_and(weft.tensor([6, 5]), 3)", "tensor([2, 1])"},
    {"bitwise_or", "weft.bitwise_or(weft.tensor([6, 5]), 3)", "tensor([7, 7])"},
    {"bitwise_xor", "weft.bitwise_xor(weft.tensor([6, 5]), 3)", "tensor([5, 6])"},
    {"bitwise_left_shift", "weft.bitwise_left_shift(weft.tensor([1, -3]), 2)",
     "tensor([  4, -12])"},
    {"bitwise_right_shift", "weft.bitwise_right_shift(weft.tensor([9, -9]), 2)",
     "tensor([ 2, -3])"},
};

std::string example_of(std::string_view name) {
  for (const auto& [known, call, result] : examples) {
    if (known == name) return "\n\n>>> " + std::string(call) + "\n" + std::string(result);
  }
  return "";
}

const char* dtypes(Domain domain) {
  switch (domain) {
    case Domain::Floating: return "Bool and integers are converted to float32.";
    case Domain::Number: return "Of any dtype but bool, which raises DTypeError.";
    case Domain::Integer: return "Of integers; other dtypes raise DTypeError.";
    case Domain::Bits: return "Of integers and bool; floating dtypes raise DTypeError.";
    default: return "Of any dtype.";
  }
}

}  // namespace

std::string formula_text(const char* doc) {
  std::string text = std::string(doc) + ".";
  const bool word = std::isalpha(text[1]) && text.find_first_of(" (") != text.find('(');
  if (word) text[0] = static_cast<char>(std::toupper(text[0]));
  return text;
}

std::string unary_doc(const char* name, const char* doc, Domain domain) {
  return formula_text(doc) + "\n\nEach element x of input by itself. " + dtypes(domain) +
         example_of(name);
}

std::string binary_doc(const char* name, const char* doc, Domain domain) {
  return formula_text(doc) +
         "\n\nEach pair of elements a of the first and b of the second; one of them may be a "
         "number. "
         "The shapes broadcast (ShapeError where they do not), the dtypes promote. " +
         dtypes(domain) + example_of(name);
}

}  // namespace weft::python
