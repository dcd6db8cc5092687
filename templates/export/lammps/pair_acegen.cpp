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

/* Centres that are handed to the model at once: enough to fill its lanes with atoms of like numbers of neighbours, few enough
 * for all that is copied to stay in the cache. */
static constexpr int BATCH = 256;

PairACEGEN::PairACEGEN(LAMMPS *lmp) : Pair(lmp), energy_unit(1.0)
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
  map = new int[n];
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
  // Nothing is set until all is right: a program that goes on after an error must not run half of two models.
  for (int i = 1; i <= atom->ntypes; ++i) std::fill_n(&setflag[i][1], atom->ntypes, 0);
  open_model(arg[2]);
  const std::string usage = "; write pair_coeff * * " + library.path() +
      ", then for each atom type one of " + library.elements() + ", or NULL for types that are not the model's";
  const int ntypes = atom->ntypes;
  if (narg - 3 != ntypes)
    error->all(FLERR, "model {} ({}): there are {} atom types, but {} elements were given{}", library.model()->name,
               library.path(), ntypes, narg - 3, usage);
  bool any = false;
  for (int i = 1; i <= ntypes; ++i) {
    const std::string name = arg[2 + i];
    map[i] = name == "NULL" ? -1 : library.species(name);
    if (map[i] < 0 && name != "NULL")
      error->all(FLERR, "model {} ({}) has no element '{}'{}", library.model()->name, library.path(), name, usage);
    if (map[i] < 0 && force->pair == this)
      error->all(FLERR, "model {} ({}): atom type {} is NULL, which only pair_style hybrid allows{}", library.model()->name,
                 library.path(), i, usage);
    any = any || map[i] >= 0;
  }
  if (!any)
    error->all(FLERR, "model {} ({}): no atom type is of one of its elements{}", library.model()->name, library.path(), usage);

  const int n_species = library.model()->n_species;
  cutoff_squared.assign((ntypes + 1) * (ntypes + 1), -1.0);
  for (int i = 1; i <= ntypes; ++i)
    for (int j = 1; j <= ntypes; ++j) {
      setflag[i][j] = map[i] >= 0 && map[j] >= 0;
      if (!setflag[i][j]) continue;
      const double cutoff = library.model()->cutoffs[map[i] * n_species + map[j]];
      cutoff_squared[i * (ntypes + 1) + j] = cutoff * cutoff;
    }
}

/* Open a model on all processes, or stop all with a message. */
void PairACEGEN::open_model(const std::string &name)
{
  const std::string found = utils::get_potential_file_path(name);    // also in LAMMPS_POTENTIALS
  const std::string problem = library.open(found.empty() ? name : found);
  int failed = !problem.empty(), somewhere, everywhere;
  MPI_Allreduce(&failed, &somewhere, 1, MPI_INT, MPI_MAX, world);
  MPI_Allreduce(&failed, &everywhere, 1, MPI_INT, MPI_MIN, world);
  if (everywhere) error->all(FLERR, "pair style acegen: {}", problem);
  if (failed) error->one(FLERR, "pair style acegen, process {}: {}", comm->me, problem);
  if (somewhere) MPI_Barrier(world);    // another process is about to stop all
  const acegen_model *const model = library.model();
  if (comm->me == 0)
    utils::logmesg(lmp, "Model {} ({}): {} of {}, {} precision, hash {:.12}, made by {}\n", model->name, library.path(),
                   model->n_basis ? std::to_string(model->n_basis) + " functions" : std::string("potential from a file"),
                   library.elements(), model->single_precision ? "single" : "double", model->model_hash,
                   model->generator);
}

/* ---- before a run -------------------------------------------------------------------------------------- */

void PairACEGEN::init_style()
{
  if (!force->newton_pair)
    error->all(FLERR, "pair style acegen (model {}) needs 'newton on': forces on ghost atoms are sent back to their owners",
               library.model() ? library.model()->name : "not yet given");
  if (!atom->tag_enable) error->all(FLERR, "pair style acegen needs atom IDs: leave out 'atom_modify id no'");
  if (strcmp(update->unit_style, "metal") == 0)    // here, as 'units' may be given after 'pair_style'
    energy_unit = 1.0;
  else if (strcmp(update->unit_style, "real") == 0)
    energy_unit = utils::get_conversion_factor(utils::ENERGY, utils::METAL2REAL);
  else
    error->all(FLERR, "pair_style acegen (model {}) knows units metal and real (lengths in Angstrom), not '{}'",
               library.model() ? library.model()->name : "not yet given", update->unit_style);
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
  const int n = atom->ntypes + 1;
  return sqrt(std::max(cutoff_squared[i * n + j], cutoff_squared[j * n + i]));
}

/* Ghost atoms must reach as far as the model sees; LAMMPS sees to it, unless other settings interfere. */
void PairACEGEN::check_ghosts()
{
  const double reach = sqrt(*std::max_element(cutoff_squared.begin(), cutoff_squared.end()));
  const double ghosts = comm->get_comm_cutoff();
  if (ghosts < reach)
    error->all(FLERR, "model {} ({}) has a cutoff of {} Angstrom, but ghost atoms reach {} Angstrom only; "
               "write comm_modify cutoff {}", library.model()->name, library.path(), reach, ghosts,
               std::ceil(reach + neighbor->skin));
}

/* Whether pairs of bonded atoms are left out of the neighbour lists, or scaled, which a many-body potential cannot do. Factors
 * that pair_style hybrid has for this style alone are in force by now; where one is zero for all styles, LAMMPS has left out
 * the pairs, and refuses another factor itself. */
void PairACEGEN::check_special()
{
  if (atom->molecular == Atom::ATOMIC) return;
  bool scaled[3], any = false;
  for (int shell = 0; shell < 3; ++shell) {
    scaled[shell] = force->special_lj[shell + 1] != 1.0 || force->special_coul[shell + 1] != 1.0;
    any = any || scaled[shell];
  }
  if (!any) return;
  int found = atom->molecular == Atom::TEMPLATE, somewhere;
  for (int i = 0; !found && i < atom->nlocal; ++i) {
    if (map[atom->type[i]] < 0) continue;
    for (int shell = 0, k = 0; !found && shell < 3; ++shell)    // nspecial counts those of a shell and of the ones before
      for (; !found && k < atom->nspecial[i][shell]; ++k) {
        const int j = atom->map_style == Atom::MAP_NONE ? -1 : atom->map(atom->special[i][k]);
        found = scaled[shell] && (j < 0 || map[atom->type[j]] >= 0);
      }
  }
  MPI_Allreduce(&found, &somewhere, 1, MPI_INT, MPI_MAX, world);
  if (somewhere)
    error->all(FLERR, "model {} ({}) is a many-body potential of all pairs, but special_bonds leaves out or scales pairs of "
               "bonded atoms; write special_bonds lj/coul 1.0 1.0 1.0, or delete the bonds (delete_bonds all multi remove "
               "special)", library.model()->name, library.path());
}

/* ---- evaluation ---------------------------------------------------------------------------------------- */

void PairACEGEN::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  if (neighbor->ago == 0) {
    check_ghosts();
    check_special();
  }
  for (int begin = 0; begin < list->inum; begin += BATCH) {
    const int count = std::min(BATCH, list->inum - begin);
    const int64_t most = gather(begin, count);
    evaluate(begin, most);
    scatter(begin, count);
  }
}

/* Copy what lies inside the cutoff of `count` centres of the list. Returns the largest number of neighbours. */
int64_t PairACEGEN::gather(int begin, int count)
{
  const double *const x = atom->x[0];    // [atoms][3], contiguous as all of LAMMPS' own
  const int *const type = atom->type;
  const int n_types = atom->ntypes + 1;
  size_t room = 1;
  for (int k = 0; k < count; ++k) room += list->numneigh[list->ilist[begin + k]];
  center.resize(count);
  first.resize(count + 1);
  energy.resize(count);
  if (neighbour.size() < room) {
    neighbour.resize(room);
    species.resize(room);
    displacement.resize(3 * room);
    gradient.resize(3 * room);
  }
  double *const displacements = displacement.data();
  int *const atoms = neighbour.data();
  int32_t *const elements = species.data();
  int64_t kept = 0, most = 0;
  for (int k = 0; k < count; ++k) {
    const int64_t i = list->ilist[begin + k];
    const int *const neighbours = list->firstneigh[i];
    const int n_neighbours = list->numneigh[i];
    const double *const cutoffs = &cutoff_squared[type[i] * n_types];
    const double xi = x[3 * i], yi = x[3 * i + 1], zi = x[3 * i + 2];
    // What has flown away without end would be nobody's neighbour, and so not be refused by the model.
    if (!std::isfinite(xi * xi + yi * yi + zi * zi)) refuse(ACEGEN_NOT_FINITE, i);
    center[k] = map[type[i]];
    first[k] = kept;
    for (int m = 0; m < n_neighbours; ++m) {
      const int64_t j = neighbours[m] & NEIGHMASK;
      const double dx = x[3 * j] - xi, dy = x[3 * j + 1] - yi, dz = x[3 * j + 2] - zi;
      double *const d = &displacements[3 * kept];
      d[0] = dx;
      d[1] = dy;
      d[2] = dz;
      atoms[kept] = int(j);
      elements[kept] = map[type[j]];
      kept += !(dx * dx + dy * dy + dz * dz >= cutoffs[type[j]]);    // NaN is kept: the model refuses it
    }
    most = std::max(most, kept - first[k]);
  }
  first[count] = kept;
  return most;
}

/* Site energies and gradient of the batch. */
void PairACEGEN::evaluate(int begin, int64_t most)
{
  const acegen_model *const model = library.model();
  const int32_t threads = model->multithreaded ? comm->nthreads : 1;
  const size_t needed = model->potential_workspace(most, threads);
  if (workspace.size() < needed) workspace.resize(needed);
  acegen_environments environments;
  environments.n_atoms = static_cast<int64_t>(center.size());
  environments.center = center.data();
  environments.first = first.data();
  environments.species = species.data();
  environments.displacement = displacement.data();
  int64_t failed = -1;
  const acegen_status status = model->potential(&environments, energy.data(), gradient.data(), threads, workspace.data(),
                                                workspace.size(), &failed);
  if (status != ACEGEN_OK) refuse(status, failed < 0 ? -1 : list->ilist[begin + failed]);
}

/* Stop with what is wrong with atom i. */
void PairACEGEN::refuse(acegen_status status, int i)
{
  const std::string which = i < 0 ? "an atom" : "atom " + std::to_string(atom->tag[i]);
  error->one(FLERR, "model {} ({}), step {}: {} {}", library.model()->name, library.path(), update->ntimestep, which,
             acegen::explain(status));
}

/* Add energies, forces and virials of the batch to those of the atoms. */
void PairACEGEN::scatter(int begin, int count)
{
  double *const f = atom->f[0];
  if (energy_unit != 1.0) {
    for (double &value : energy) value *= energy_unit;
    for (int64_t k = 0; k < 3 * first[count]; ++k) gradient[k] *= energy_unit;
  }
  const double *const gradients = gradient.data();
  const int *const atoms = neighbour.data();
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
    double *const fi = &f[3 * int64_t(list->ilist[begin + k])];
    fi[0] += fx;
    fi[1] += fy;
    fi[2] += fz;
  }
  if (eflag_global)
    for (int k = 0; k < count; ++k) eng_vdwl += energy[k];
  if (eflag_atom)
    for (int k = 0; k < count; ++k) eatom[list->ilist[begin + k]] += energy[k];
  if (vflag_either) tally_virials(begin, count);
}

/* Virials: minus displacement times gradient, summed over pairs. Of an atom: one half of each pair it is in. Its centroid
 * virial, for heat fluxes, is all of the pairs in which it is the neighbour: the heat flux is then exact, the sum over pairs
 * of the displacement times the power the neighbour receives from the centre's site energy. */
void PairACEGEN::tally_virials(int begin, int count)
{
  static const int A[9] = {0, 1, 2, 0, 0, 1, 1, 2, 2}, B[9] = {0, 1, 2, 1, 2, 2, 0, 0, 1};    // xx yy zz xy xz yz yx zx zy
  for (int k = 0; k < count; ++k) {
    const int i = list->ilist[begin + k];
    for (int64_t m = first[k]; m < first[k + 1]; ++m) {
      const int j = neighbour[m];
      const double *const d = &displacement[3 * m], *const g = &gradient[3 * m];
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
  double bytes = Pair::memory_usage() + workspace.capacity();
  bytes += sizeof(int32_t) * (center.capacity() + species.capacity()) + sizeof(int64_t) * first.capacity();
  bytes += sizeof(double) * (displacement.capacity() + gradient.capacity() + energy.capacity());
  return bytes + sizeof(int) * neighbour.capacity();
}
