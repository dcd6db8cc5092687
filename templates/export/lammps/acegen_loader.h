/* acegen_loader.h: compiled ACE models as libraries that are opened by file name.
 *
 * Independent of LAMMPS. SPDX-License-Identifier: MIT
 */
#ifndef ACEGEN_LOADER_H
#define ACEGEN_LOADER_H

#include "acegen.h"

#include <string>

namespace acegen {

/* A model in a library of its own. Any number of them, also of the same name, may be open at once. */
class ModelLibrary {
 public:
  ModelLibrary() = default;
  ~ModelLibrary();
  ModelLibrary(const ModelLibrary &) = delete;
  ModelLibrary &operator=(const ModelLibrary &) = delete;

  /* Open the library of a model. Returns an empty string, or what is wrong and what to do. */
  std::string open(const std::string &path);

  void close();

  /* The model, or a null pointer if none is open. */
  const acegen_model *model() const { return model_; }

  /* The file, as given to open(). */
  const std::string &path() const { return path_; }

  /* Index of an element given by its symbol among those of the model, or -1. */
  int species(const std::string &symbol) const;

  /* Symbol of an element by its index. */
  std::string symbol(int index) const;

  /* Symbols of the model's elements, separated by blanks. */
  std::string elements() const;

 private:
  void *handle_ = nullptr;
  const acegen_model *model_ = nullptr;
  std::string path_;
};

/* What a status other than ACEGEN_OK says of the model's input. */
std::string explain(acegen_status status);

}    // namespace acegen

#endif
