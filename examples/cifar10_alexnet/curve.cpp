#include <weft/examples/cifar10_alexnet/curve.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace cifar {

namespace {

constexpr double kWidth = 640, kHeight = 260, kLeft = 50, kTop = 30, kGap = 60;

struct Panel {
  std::string title;
  double top, low, high;
  double y(double value) const { return top + kHeight * (high - value) / (high - low); }
};

double x_of(std::size_t i, std::size_t n) {
  return kLeft +
         (n > 1 ? kWidth * static_cast<double>(i) / static_cast<double>(n - 1) : kWidth / 2);
}

std::string frame(const Panel& p) {
  std::string svg =
      fmt::format(R"(<rect x="{}" y="{}" width="{}" height="{}" fill="none" stroke="#999"/>)"
                  R"(<text x="{}" y="{}">{}</text>)"
                  "\n",
                  kLeft, p.top, kWidth, kHeight, kLeft, p.top - 8, p.title);
  for (int i = 0; i <= 4; ++i) {
    const double value = p.low + (p.high - p.low) * i / 4;
    svg += fmt::format(R"(<text x="{}" y="{:.1f}" text-anchor="end">{:.3g}</text>)"
                       R"(<line x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}" stroke="#eee"/>)"
                       "\n",
                       kLeft - 6, p.y(value) + 4, value, kLeft, kLeft + kWidth, p.y(value),
                       p.y(value));
  }
  return svg;
}

std::string line(const Panel& p, const std::vector<double>& values, const char* colour,
                 const char* name, double label_x) {
  std::string points, dots;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    const double x = x_of(i, values.size()), y = p.y(values[i]);
    points += fmt::format("{:.1f},{:.1f} ", x, y);
    dots += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="2.5" fill="{}"/>)", x, y, colour);
  }
  return fmt::format(R"(<polyline points="{}" fill="none" stroke="{}" stroke-width="2"/>{})"
                     R"(<text x="{}" y="{}" fill="{}">{}</text>)"
                     "\n",
                     points, colour, dots, label_x, p.top - 8, colour, name);
}

}  // namespace

std::string curve_svg(const std::vector<EpochRecord>& epochs) {
  std::vector<double> train, test, accuracy;
  for (const EpochRecord& e : epochs) {
    train.push_back(e.train_loss);
    test.push_back(e.test_loss);
    accuracy.push_back(100 * e.test_accuracy);
  }
  double highest = 1e-3;
  for (const auto& list : {train, test}) {
    for (double v : list) highest = std::max(highest, v);  // which passes over NaN
  }
  const Panel losses{"loss", kTop, 0, highest * 1.05};
  const Panel right{"test accuracy, %", kTop + kHeight + kGap, 0, 100};
  const double bottom = right.top + kHeight;
  std::string svg = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" )"
      R"(font-family="sans-serif" font-size="12"><rect width="{0}" height="{1}" fill="white"/>)"
      "\n",
      kLeft + kWidth + 30, bottom + 40);
  svg += frame(losses) + line(losses, train, "#1f77b4", "training", kLeft + 100) +
         line(losses, test, "#d62728", "test", kLeft + 170);
  svg += frame(right) + line(right, accuracy, "#2ca02c", "", 0);
  svg += fmt::format(R"(<text x="{}" y="{}" text-anchor="middle">epoch 1 to {}</text>)"
                     "\n</svg>\n",
                     kLeft + kWidth / 2, bottom + 24, epochs.size());
  return svg;
}

}  // namespace cifar
