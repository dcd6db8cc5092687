/* source_acegen.h: the model that a compute or fix in LAMMPS evaluates, and its neighbour list: those of a pair style acegen,
 * or of its own.
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef LMP_SOURCE_ACEGEN_H
#define LMP_SOURCE_ACEGEN_H

#include "pointers.h"

#include "batch_acegen.h"
#include "model_acegen.h"

#include <memory>
#include <string>
#include <vector>

namespace LAMMPS_NS {

class SourceACEGEN : protected Pointers {
 public:
  /* `user` is the command, for messages, as "compute 1 acegen/grade/atom". */
  SourceACEGEN(class LAMMPS *lmp, const std::string &user) : Pointers(lmp), user(user) {}

  /* Arguments of a compute: `model NAME`, the pair style acegen with a model of this name or file; or `file MODEL.so
   * ELEMENT|NULL ...`, a model of its own. With neither it is the model of the only pair style acegen. */
  void read_keywords(int narg, char **arg);
  void choose(const std::string &name) { wanted = name; }

  /* Find the model before a run, or stop; own(): whether a full list is to be requested, and given to set_list(). */
  void find();
  bool own() const { return own_model != nullptr; }
  void set_list(class NeighList *list) { own_list = list; }

  /* The list as it is now; checks that the model sees all it has to. */
  class NeighList *list();

  const ModelACEGEN &model() const { return own_model ? *own_model : *found; }

  /* Grades of the atoms of a group that are of one of the model's elements; others keep what is there.
   *   grade  out: [atom->nlocal] */
  void grades(int groupbit, double *grade);

  /* Stop if the model has none. */
  void need_grades() const;
  void need_committee() const;

  /* Element of an atom type by this model, or by one of other pair styles acegen; "X" if none has it. */
  std::string symbol(int type) const;

  BatchACEGEN batch;

 private:
  std::string user, wanted;
  std::unique_ptr<ModelACEGEN> own_model;
  class NeighList *own_list = nullptr;
  class PairACEGEN *pair = nullptr;
  const ModelACEGEN *found = nullptr;
  std::vector<int> centres;
  std::vector<double> values;    // of a batch

  std::vector<class PairACEGEN *> pairs() const;
};

}    // namespace LAMMPS_NS

#endif
