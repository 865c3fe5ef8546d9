#include <weft/ops/einsum.h>

#include <algorithm>
#include <map>
#include <string_view>

#include <weft/core/check.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/index.h>
#include <weft/ops/make.h>

namespace weft {
namespace {

// A dimension's name: a letter, or '0' to '7' for those of "...", '7' for the last.
using Labels = std::string;

bool has(const Labels& labels, char c) { return labels.find(c) != Labels::npos; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// "...": the last n of the digits.
Labels dots(int n) { return Labels("01234567").substr(static_cast<std::size_t>(kMaxRank - n)); }

// A term with "..." written out as n dimensions.
Labels labels_of(std::string_view term, int n) {
  Labels labels;
  bool dotted = false;
  for (std::size_t i = 0; i < term.size(); ++i) {
    if (term.substr(i, 3) == "..." && !dotted) {
      labels += dots(n);
      i += 2;
      dotted = true;
    } else if (is_letter(term[i])) {
      labels += term[i];
    } else {
      fail<ValueError>("einsum", "got '{}', expected letters and at most one '...'", term);
    }
  }
  return labels;
}

struct Part {
  Tensor x;
  Labels labels;

  int place(char c) const { return static_cast<int>(labels.find(c)); }
  // The dimensions in another order; all labels.
  void order(const Labels& wanted) {
    Shape dims;
    for (char c : wanted) dims.push_back(place(c));
    x = x.permute(dims);
    labels = wanted;
  }
  // Without the dimensions that are not among those.
  void keep(const Labels& wanted) {
    Shape gone;
    Labels stay;
    for (std::size_t d = 0; d < labels.size(); ++d) {
      if (has(wanted, labels[d]))
        stay += labels[d];
      else
        gone.push_back(static_cast<Index>(d));
    }
    if (!gone.empty()) x = x.sum(gone);
    labels = stay;
  }
};

// Of a label that comes twice the diagonal.
void take_diagonals(Part& p) {
  for (std::size_t i = 0; i < p.labels.size(); ++i) {
    const std::size_t again = p.labels.find(p.labels[i], i + 1);
    if (again == Labels::npos) continue;
    const Index n = p.x.size(static_cast<Index>(i)), m = p.x.size(static_cast<Index>(again));
    if (n != m) {
      fail<ShapeError>("einsum", "got sizes {} and {} for '{}' in one tensor, expected the same", n,
                       m, p.labels[i]);
    }
    const Tensor at = arange(n, Options(DType::I64).device(p.x.device()));
    p.x = p.x.movedim(static_cast<Index>(again), 0).movedim(static_cast<Index>(i) + 1, 1);
    p.x = p.x.index({at, at});
    const char label = p.labels[i];
    p.labels.erase(again, 1);
    p.labels.erase(i, 1);
    p.labels.insert(0, 1, label);
    i = static_cast<std::size_t>(-1);  // from the start: a label may come three times
  }
}

Part part_of(std::string_view term, const Tensor& x) {
  const int rank = x.get("einsum").sizes.size();
  const int letters = static_cast<int>(labels_of(term, 0).size());
  const bool dotted = term.find("...") != std::string_view::npos;
  if (dotted ? letters > rank : letters != rank) {
    fail<ShapeError>("einsum", "got '{}' for a tensor of {} dimensions, expected a letter for each",
                     term, rank);
  }
  Part p{x, labels_of(term, dotted ? rank - letters : 0)};
  take_diagonals(p);
  return p;
}

std::vector<std::string> terms_of(const std::string& text) {
  std::vector<std::string> terms(1);
  for (char c : text) {
    if (c == ',')
      terms.emplace_back();
    else
      terms.back() += c;
  }
  return terms;
}

// The labels of the result.
Labels result_labels(const std::string& equation, std::size_t arrow, const std::string& inputs,
                     const std::vector<Part>& parts) {
  int most = 0;
  Labels all;
  for (const Part& p : parts) {
    all += p.labels;
    const auto digits =
        std::count_if(p.labels.begin(), p.labels.end(), [](char c) { return !is_letter(c); });
    most = std::max(most, static_cast<int>(digits));
  }
  if (arrow == std::string::npos) {
    Labels result = dots(most), letters;
    for (char c : inputs) {
      if (is_letter(c) && std::count(inputs.begin(), inputs.end(), c) == 1) letters += c;
    }
    std::sort(letters.begin(), letters.end());
    return result + letters;
  }
  const Labels result = labels_of(std::string_view(equation).substr(arrow + 2), most);
  for (char c : result) {
    if (std::count(result.begin(), result.end(), c) > 1)
      fail<ValueError>("einsum", "got '{}' twice in the result, expected it once", c);
    if (!has(all, c)) fail<ValueError>("einsum", "got '{}' in the result alone", c);
  }
  return result;
}

// Dimensions of size 1 to the size that others have.
void broadcast(std::vector<Part>& parts) {
  std::map<char, Index> sizes;
  for (const Part& p : parts) {
    for (std::size_t d = 0; d < p.labels.size(); ++d) {
      const Index n = p.x.size(static_cast<Index>(d));
      Index& size = sizes.try_emplace(p.labels[d], n).first->second;
      if (size != n && size != 1 && n != 1) {
        const char c = p.labels[d];
        fail<ShapeError>("einsum", "got sizes {} and {} for '{}', expected the same", size, n,
                         is_letter(c) ? std::string(1, c) : "...");
      }
      if (size == 1) size = n;
    }
  }
  for (Part& p : parts) {
    Shape shape;
    for (char c : p.labels) shape.push_back(sizes[c]);
    if (shape != p.x.sizes()) p.x = p.x.expand(shape);
  }
}

Index product(const Part& p, const Labels& labels) {
  Index n = 1;
  for (char c : labels) n *= p.x.size(p.place(c));
  return n;
}

// The product of two, summed over what nobody else wants.
Part joined(Part a, Part b, const Labels& wanted) {
  a.keep(wanted + b.labels);
  b.keep(wanted + a.labels);
  Labels batch, summed, left, right;
  for (char c : a.labels) (!has(b.labels, c) ? left : has(wanted, c) ? batch : summed) += c;
  for (char c : b.labels) {
    if (!has(a.labels, c)) right += c;
  }
  Shape sizes;
  for (char c : batch + left) sizes.push_back(a.x.size(a.place(c)));
  for (char c : right) sizes.push_back(b.x.size(b.place(c)));
  a.order(batch + left + summed);
  b.order(batch + (summed.empty() ? right : summed + right));
  const Index many = product(a, batch), n = product(a, left), m = product(b, right);
  if (summed.empty()) {
    const Tensor y = a.x.reshape({many, n, 1}) * b.x.reshape({many, 1, m});
    return {y.reshape(sizes), batch + left + right};
  }
  const Index k = product(a, summed);
  const Tensor y = a.x.reshape({many, n, k}).bmm(b.x.reshape({many, k, m}));
  return {y.reshape(sizes), batch + left + right};
}

}  // namespace

Tensor einsum(const std::string& equation, std::span<const Tensor> tensors) {
  std::string text = equation;
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const std::size_t arrow = text.find("->");
  const std::string inputs = text.substr(0, arrow);
  const std::vector<std::string> terms = terms_of(inputs);
  if (tensors.empty() || terms.size() != tensors.size()) {
    fail<ValueError>("einsum", "got {} terms in '{}' for {} tensors, expected one for each",
                     terms.size(), equation, tensors.size());
  }
  std::vector<Part> parts;
  for (std::size_t i = 0; i < terms.size(); ++i) parts.push_back(part_of(terms[i], tensors[i]));
  const Labels result = result_labels(text, arrow, inputs, parts);
  broadcast(parts);
  Part all = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i) {
    Labels wanted = result;
    for (std::size_t j = i + 1; j < parts.size(); ++j) wanted += parts[j].labels;
    all = joined(all, parts[i], wanted);
  }
  all.keep(result);
  all.order(result);
  return all.x;
}

}  // namespace weft
