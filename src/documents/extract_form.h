#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "documents/extract_types.h"
#include "documents/understand_form.h"

namespace headgate::documents {

/// A value with its confidence.
template <class T>
struct Reliable {
  T value;
  float confidence = 0;
};

/// How a taxpayer number is grouped.
enum class TinShape : std::uint8_t { Any, Social, Employer };

/// The first nine-digit taxpayer number in `text` ("554-03-0876", "63-0476286", "630476286").
std::optional<std::string> tin_in(std::string_view text, TinShape shape);

/// The filled cells of a tax form, over all pages that carry the form. A form is often printed in
/// several copies: the value most copies agree on is taken.
class FormReader final {
 public:
  FormReader(const Reading& reading, std::span<const FormLabel> labels);

  std::optional<Reliable<double>> amount(std::string_view key) const;
  /// The taxpayer number in the cells of `key`.
  std::optional<Reliable<std::string>> tin(std::string_view key, TinShape shape) const;
  /// The lines of text in the cells of `key`: of the copy with the most.
  std::optional<Reliable<std::vector<std::string>>> lines(std::string_view key) const;
  /// The only number of `shape` anywhere on the form's pages.
  std::optional<Reliable<std::string>> tin_anywhere(TinShape shape) const;
  /// The year printed with the title.
  std::optional<Reliable<double>> year(std::string_view title) const;
  bool empty() const { return sheets_.empty(); }

 private:
  struct Sheet {
    const PageView* page;
    std::vector<FormCell> cells;
  };
  const Reading& reading_;
  std::vector<Sheet> sheets_;
};

/// Name, number and address of one party of a form, written below `path`.
struct Party {
  std::string_view name_path;
  std::string_view address_path;
};
/// First line as name, the others as address.
void set_party(Record& record, const Party& party,
               const std::optional<Reliable<std::vector<std::string>>>& lines);

/// Sets the amounts of all boxes of the record's type.
void set_boxes(Record& record, const FormReader& form);

}  // namespace headgate::documents
