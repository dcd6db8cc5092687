/* source_acegen.cpp: see source_acegen.h.
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#include "source_acegen.h"

#include "pair_acegen.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace LAMMPS_NS;

void SourceACEGEN::read_keywords(int narg, char **arg)
{
  if (!narg) return;
  if (strcmp(arg[0], "model") == 0) {
    if (narg != 2) error->all(FLERR, "{}: 'model' takes the name of a model, or its file, and nothing follows", user);
    choose(arg[1]);
  } else if (strcmp(arg[0], "file") == 0) {
    if (narg < 2) error->all(FLERR, "{}: 'file' takes MODEL.so, then the element of each atom type, or NULL", user);
    own_model = std::make_unique<ModelACEGEN>(lmp, user);
    own_model->set(user + " file", narg - 1, arg + 1);
  } else {
    error->all(FLERR, "{}: there is no keyword '{}'; it takes nothing, or 'model NAME', or 'file MODEL.so', then the element "
               "of each atom type", user, arg[0]);
  }
}

/* All pair styles acegen, also those of pair_style hybrid. */
std::vector<PairACEGEN *> SourceACEGEN::pairs() const
{
  std::vector<PairACEGEN *> all;
  for (int number = 1;; ++number) {
    PairACEGEN *const one = dynamic_cast<PairACEGEN *>(force->pair_match("acegen", 1, number));
    // a style that is not part of a hybrid is found by any number
    if (!one || (!all.empty() && one == all.back())) return all;
    all.push_back(one);
  }
}

void SourceACEGEN::find()
{
  if (strcmp(update->unit_style, "metal") != 0 && strcmp(update->unit_style, "real") != 0)
    error->all(FLERR, "{} knows units metal and real (lengths in Angstrom), not '{}'", user, update->unit_style);
  if (own()) {
    const int ntypes = atom->ntypes;
    for (int i = 1; i <= ntypes; ++i)
      for (int j = i; j <= ntypes; ++j) {
        const double needed = own_model->cutoff_of(i, j);
        const double listed = force->pair ? sqrt(std::max(0.0, force->pair->cutsq[i][j])) : 0.0;
        if (needed > listed * (1.0 + 1e-12))
          error->all(FLERR, "{}: {} has a cutoff of {} Angstrom for types {} and {}, but the neighbour lists reach {} "
                     "Angstrom; add a pair style of that cutoff, as pair_style hybrid/overlay ... zero {}", user,
                     own_model->who(), needed, i, j, listed, std::ceil(needed));
      }
    return;
  }
  pair = nullptr;
  std::string names;
  for (PairACEGEN *const one : pairs()) {
    const ModelACEGEN &model = one->get_model();
    names += (names.empty() ? "" : ", ") + model.who();
    if (!wanted.empty() && !model.is(wanted)) continue;
    if (pair)
      error->all(FLERR, "{}: several pair styles acegen fit; choose one of {} by 'model' and its name or file", user, names);
    pair = one;
  }
  if (!pair && names.empty())
    error->all(FLERR, "{} needs pair_style acegen, whose model it evaluates", user);
  if (!pair) error->all(FLERR, "{}: no pair style acegen has a model '{}', there is {}", user, wanted, names);
  found = &pair->get_model();
}

NeighList *SourceACEGEN::list()
{
  if (own()) {
    if (!own_list) error->all(FLERR, "{} has no neighbour list yet; begin a run", user);
    neighbor->build_one(own_list);
    own_model->check_ghosts();
    own_model->check_special();
    return own_list;
  }
  if (!pair || !pair->list) error->all(FLERR, "{} has no neighbour list yet; begin a run", user);
  return pair->list;
}

void SourceACEGEN::need_grades() const
{
  if (!model().get()->grade)
    error->all(FLERR, "{}: {} has no grades: fit again with this acegen, which makes them, and export the model anew", user,
               model().who());
}

void SourceACEGEN::need_committee() const
{
  if (!model().get()->committee)
    error->all(FLERR, "{}: {} has no committee: fit again with this acegen, which makes one, and export the model anew", user,
               model().who());
}

void SourceACEGEN::grades(int groupbit, double *grade)
{
  const NeighList *const neighbours = list();
  const acegen_model *const compiled = model().get();
  const int threads = model().threads();
  centres.clear();
  for (int k = 0; k < neighbours->inum; ++k) {
    const int i = neighbours->ilist[k];
    if ((atom->mask[i] & groupbit) && model().species[atom->type[i]] >= 0) centres.push_back(i);
  }
  values.resize(BatchACEGEN::SIZE);
  for (size_t begin = 0; begin < centres.size(); begin += BatchACEGEN::SIZE) {
    const int *const some = &centres[begin];
    const int count = int(std::min(size_t(BatchACEGEN::SIZE), centres.size() - begin));
    batch.gather(atom, model(), neighbours, some, count);
    const acegen_environments environments = batch.environments();
    const size_t needed = compiled->grade_workspace(batch.most, threads);
    int64_t failed = -1;
    const acegen_status status =
        compiled->grade(&environments, values.data(), threads, batch.workspace(needed), needed, &failed);
    if (status != ACEGEN_OK) model().refuse(status, failed < 0 ? -1 : some[failed]);
    for (int k = 0; k < count; ++k) grade[some[k]] = values[k];
  }
}

std::string SourceACEGEN::symbol(int type) const
{
  std::string symbol = model().symbol(type);
  for (PairACEGEN *const one : pairs())
    if (symbol.empty()) symbol = one->get_model().symbol(type);
  return symbol.empty() ? "X" : symbol;
}
