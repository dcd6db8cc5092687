/* pair_acegen.cpp: the LAMMPS pair style acegen. See pair_acegen.h.
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#include "pair_acegen.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace LAMMPS_NS;

PairACEGEN::PairACEGEN(LAMMPS *lmp) : Pair(lmp), model(lmp, "pair style acegen"), energy_unit(1.0)
{
  single_enable = 0;
  restartinfo = 0;    // the model is not part of restart files, as other potentials that are files
  one_coeff = 1;
  manybody_flag = 1;
  no_virial_fdotr_compute = 1;    // tallied from the pairs: exact to the last digits, whatever the box
  centroidstressflag = CENTROID_AVAIL;
}

PairACEGEN::~PairACEGEN()
{
  if (copymode || !allocated) return;
  memory->destroy(setflag);
  memory->destroy(cutsq);
}

void PairACEGEN::allocate()
{
  allocated = 1;
  const int n = atom->ntypes + 1;
  memory->create(setflag, n, n, "pair:setflag");
  memory->create(cutsq, n, n, "pair:cutsq");
}

/* ---- commands ------------------------------------------------------------------------------------------ */

/* pair_style acegen */
void PairACEGEN::settings(int narg, char **arg)
{
  if (narg) error->all(FLERR, "pair_style acegen takes no arguments, not '{}'", arg[0]);
}

/* pair_coeff * * MODEL.so ELEMENT|NULL ... */
void PairACEGEN::coeff(int narg, char **arg)
{
  if (narg < 3 || strcmp(arg[0], "*") != 0 || strcmp(arg[1], "*") != 0)
    error->all(FLERR, "pair style acegen needs: pair_coeff * * MODEL.so, then the element of each atom type, or NULL");
  if (!allocated) allocate();
  const int ntypes = atom->ntypes;
  // Nothing is set until all is right: a program that goes on after an error must not run half of two models.
  for (int i = 1; i <= ntypes; ++i) std::fill_n(&setflag[i][1], ntypes, 0);
  model.set("pair_coeff * *", narg - 2, arg + 2);
  for (int i = 1; i <= ntypes; ++i)
    if (model.species[i] < 0 && force->pair == this)
      error->all(FLERR, "{}: atom type {} is NULL, which only pair_style hybrid allows{}", model.who(), i, model.usage());
  for (int i = 1; i <= ntypes; ++i)
    for (int j = 1; j <= ntypes; ++j) setflag[i][j] = model.species[i] >= 0 && model.species[j] >= 0;
}

/* ---- before a run -------------------------------------------------------------------------------------- */

void PairACEGEN::init_style()
{
  if (!force->newton_pair)
    error->all(FLERR, "pair style acegen (model {}) needs 'newton on': forces on ghost atoms are sent back to their owners",
               model.get() ? model.get()->name : "not yet given");
  if (!atom->tag_enable) error->all(FLERR, "pair style acegen needs atom IDs: leave out 'atom_modify id no'");
  if (strcmp(update->unit_style, "metal") == 0)    // here, as 'units' may be given after 'pair_style'
    energy_unit = 1.0;
  else if (strcmp(update->unit_style, "real") == 0)
    energy_unit = utils::get_conversion_factor(utils::ENERGY, utils::METAL2REAL);
  else
    error->all(FLERR, "pair_style acegen (model {}) knows units metal and real (lengths in Angstrom), not '{}'",
               model.get() ? model.get()->name : "not yet given", update->unit_style);
  /* `exclude` itself is set later, when neighbour lists are prepared. */
  if ((neighbor->nex_type || neighbor->nex_group || neighbor->nex_mol) && comm->me == 0)
    error->warning(FLERR, "neigh_modify exclude hides pairs from pair style acegen; as its energies are of many bodies, those of "
                   "the pairs that are left change too");
  neighbor->add_request(this, NeighConst::REQ_FULL);
}

/* Largest distance at which two types interact, as either's neighbour. */
double PairACEGEN::init_one(int i, int j)
{
  if (!setflag[i][j]) error->all(FLERR, "pair style acegen: atom types {} and {} have no pair_coeff", i, j);
  return model.cutoff_of(i, j);
}

/* ---- evaluation ---------------------------------------------------------------------------------------- */

void PairACEGEN::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  if (neighbor->ago == 0) {
    model.check_ghosts();
    model.check_special();
  }
  for (int begin = 0; begin < list->inum; begin += BatchACEGEN::SIZE) {
    const int *const centres = list->ilist + begin;
    const int count = std::min(BatchACEGEN::SIZE, list->inum - begin);
    batch.gather(atom, model, list, centres, count);
    evaluate(centres, count);
    scatter(centres, count);
  }
}

/* Site energies and gradient of the batch. */
void PairACEGEN::evaluate(const int *centres, int count)
{
  energy.resize(count);
  if (gradient.size() < batch.displacement.size()) gradient.resize(batch.displacement.size());
  const acegen_environments environments = batch.environments();
  const int threads = model.threads();
  const size_t needed = model.get()->potential_workspace(batch.most, threads);
  int64_t failed = -1;
  const acegen_status status = model.get()->potential(&environments, energy.data(), gradient.data(), threads,
                                                      batch.workspace(needed), needed, &failed);
  if (status != ACEGEN_OK) model.refuse(status, failed < 0 ? -1 : centres[failed]);
}

/* Add energies, forces and virials of the batch to those of the atoms. */
void PairACEGEN::scatter(const int *centres, int count)
{
  const std::vector<int64_t> &first = batch.first;
  double *const f = atom->f[0];
  if (energy_unit != 1.0) {
    for (double &value : energy) value *= energy_unit;
    for (int64_t k = 0; k < 3 * first[count]; ++k) gradient[k] *= energy_unit;
  }
  const double *const gradients = gradient.data();
  const int *const atoms = batch.neighbour.data();
  for (int k = 0; k < count; ++k) {
    double fx = 0.0, fy = 0.0, fz = 0.0;
    for (int64_t m = first[k]; m < first[k + 1]; ++m) {
      const double *const g = &gradients[3 * m];
      double *const fj = &f[3 * int64_t(atoms[m])];
      fx += g[0];
      fy += g[1];
      fz += g[2];
      fj[0] -= g[0];
      fj[1] -= g[1];
      fj[2] -= g[2];
    }
    double *const fi = &f[3 * int64_t(centres[k])];
    fi[0] += fx;
    fi[1] += fy;
    fi[2] += fz;
  }
  if (eflag_global)
    for (int k = 0; k < count; ++k) eng_vdwl += energy[k];
  if (eflag_atom)
    for (int k = 0; k < count; ++k) eatom[centres[k]] += energy[k];
  if (vflag_either) tally_virials(centres, count);
}

/* Virials: minus displacement times gradient, summed over pairs. Of an atom: one half of each pair it is in. Its centroid
 * virial, for heat fluxes, is all of the pairs in which it is the neighbour: the heat flux is then exact, the sum over pairs
 * of the displacement times the power the neighbour receives from the centre's site energy. */
void PairACEGEN::tally_virials(const int *centres, int count)
{
  static const int A[9] = {0, 1, 2, 0, 0, 1, 1, 2, 2}, B[9] = {0, 1, 2, 1, 2, 2, 0, 0, 1};    // xx yy zz xy xz yz yx zx zy
  for (int k = 0; k < count; ++k) {
    const int i = centres[k];
    for (int64_t m = batch.first[k]; m < batch.first[k + 1]; ++m) {
      const int j = batch.neighbour[m];
      const double *const d = &batch.displacement[3 * m], *const g = &gradient[3 * m];
      double v[9];
      for (int c = 0; c < 9; ++c) v[c] = -d[A[c]] * g[B[c]];
      if (vflag_global)
        for (int c = 0; c < 6; ++c) virial[c] += v[c];
      if (vflag_atom)
        for (int c = 0; c < 6; ++c) {
          vatom[i][c] += 0.5 * v[c];
          vatom[j][c] += 0.5 * v[c];
        }
      if (cvflag_atom)
        for (int c = 0; c < 9; ++c) cvatom[j][c] += v[c];
    }
  }
}

double PairACEGEN::memory_usage()
{
  return Pair::memory_usage() + batch.memory_usage() + sizeof(double) * (gradient.capacity() + energy.capacity());
}
