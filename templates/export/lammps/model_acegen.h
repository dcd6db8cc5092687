/* model_acegen.h: a model compiled by acegen for the atom types of a simulation in LAMMPS.
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef LMP_MODEL_ACEGEN_H
#define LMP_MODEL_ACEGEN_H

#include "pointers.h"

#include "acegen_loader.h"

#include <string>
#include <vector>

namespace LAMMPS_NS {

class ModelACEGEN : protected Pointers {
 public:
  /* `user` is what uses the model, for messages, as "pair style acegen". */
  ModelACEGEN(class LAMMPS *lmp, const std::string &user) : Pointers(lmp), user(user) {}

  /* Open a library and set the element of each atom type: MODEL.so ELEMENT|NULL ...; `command` is what comes before these.
   * Or stop all processes with a message. */
  void set(const std::string &command, int narg, char **arg);

  /* Stop if ghost atoms do not reach as far as the model sees, or if pairs of bonded atoms are hidden from it. */
  void check_ghosts() const;
  void check_special() const;

  /* Stop with what is wrong with atom i, or with an atom that is not known (-1). */
  [[noreturn]] void refuse(acegen_status, int i) const;

  const acegen_model *get() const { return library.model(); }
  const std::string &path() const { return library.path(); }
  std::string symbol(int type) const;    // of an atom type, empty for NULL
  bool is(const std::string &name) const;    // whether it is the model of this name, or of this file
  std::string who() const;    // "model NAME (FILE)"
  std::string usage() const;    // how to give the model, to end a message with

  std::vector<int> species;    // by atom type; -1 for NULL
  std::vector<double> cutoff_squared;    // by types of centre and neighbour; negative where the model has no such pair
  double cutoff_of(int i, int j) const;    // largest distance at which two types interact, as either's neighbour
  int threads() const;

 private:
  std::string user, command;
  acegen::ModelLibrary library;

  void open(const std::string &);
};

}    // namespace LAMMPS_NS

#endif
