/* model_acegen.cpp: see model_acegen.h.
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#include "model_acegen.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "neighbor.h"
#include "update.h"

#include <algorithm>
#include <cmath>

using namespace LAMMPS_NS;

void ModelACEGEN::set(const std::string &given_command, int narg, char **arg)
{
  const int ntypes = atom->ntypes;
  command = given_command;
  species.assign(ntypes + 1, -1);
  cutoff_squared.assign((ntypes + 1) * (ntypes + 1), -1.0);
  open(arg[0]);
  if (narg - 1 != ntypes)
    error->all(FLERR, "{}: there are {} atom types, but {} elements were given{}", who(), ntypes, narg - 1, usage());
  bool any = false;
  std::vector<int> found(ntypes + 1, -1);
  for (int i = 1; i <= ntypes; ++i) {
    const std::string name = arg[i];
    found[i] = name == "NULL" ? -1 : library.species(name);
    if (found[i] < 0 && name != "NULL") error->all(FLERR, "{} has no element '{}'{}", who(), name, usage());
    any = any || found[i] >= 0;
  }
  if (!any) error->all(FLERR, "{}: no atom type is of one of its elements{}", who(), usage());
  species = found;
  const int n_species = get()->n_species;
  for (int i = 1; i <= ntypes; ++i)
    for (int j = 1; j <= ntypes; ++j) {
      if (species[i] < 0 || species[j] < 0) continue;
      const double cutoff = get()->cutoffs[species[i] * n_species + species[j]];
      cutoff_squared[i * (ntypes + 1) + j] = cutoff * cutoff;
    }
}

/* Open a model on all processes, or stop all with a message. */
void ModelACEGEN::open(const std::string &name)
{
  const std::string file = utils::get_potential_file_path(name);    // also in LAMMPS_POTENTIALS
  const std::string problem = library.open(file.empty() ? name : file);
  int failed = !problem.empty(), somewhere, everywhere;
  MPI_Allreduce(&failed, &somewhere, 1, MPI_INT, MPI_MAX, world);
  MPI_Allreduce(&failed, &everywhere, 1, MPI_INT, MPI_MIN, world);
  if (everywhere) error->all(FLERR, "{}: {}", user, problem);
  if (failed) error->one(FLERR, "{}, process {}: {}", user, comm->me, problem);
  if (somewhere) MPI_Barrier(world);    // another process is about to stop all
  const acegen_model *const model = get();
  if (comm->me == 0)
    utils::logmesg(lmp, "Model {} ({}): {} of {}, {} precision, hash {:.12}, made by {}\n", model->name, library.path(),
                   model->n_basis ? std::to_string(model->n_basis) + " functions" : std::string("potential from a file"),
                   library.elements(), model->single_precision ? "single" : "double", model->model_hash,
                   model->generator);
}

std::string ModelACEGEN::who() const
{
  return get() ? std::string("model ") + get()->name + " (" + path() + ")" : std::string("model not yet given");
}

std::string ModelACEGEN::usage() const
{
  return "; write " + command + " " + path() + ", then for each atom type one of " + library.elements() +
      ", or NULL for types that are not the model's";
}

bool ModelACEGEN::is(const std::string &name) const
{
  return get() && (name == get()->name || name == path() || utils::get_potential_file_path(name) == path());
}

std::string ModelACEGEN::symbol(int type) const
{
  return species[type] < 0 ? std::string() : library.symbol(species[type]);
}

double ModelACEGEN::cutoff_of(int i, int j) const
{
  const int n = atom->ntypes + 1;
  return sqrt(std::max(0.0, std::max(cutoff_squared[i * n + j], cutoff_squared[j * n + i])));
}

int ModelACEGEN::threads() const
{
  return get()->multithreaded ? comm->nthreads : 1;
}

/* LAMMPS sees to it that ghost atoms reach far enough, unless other settings interfere. */
void ModelACEGEN::check_ghosts() const
{
  const double reach = sqrt(*std::max_element(cutoff_squared.begin(), cutoff_squared.end()));
  const double ghosts = comm->get_comm_cutoff();
  if (ghosts < reach)
    error->all(FLERR, "{} has a cutoff of {} Angstrom, but ghost atoms reach {} Angstrom only; write comm_modify cutoff {}",
               who(), reach, ghosts, std::ceil(reach + neighbor->skin));
}

/* Whether pairs of bonded atoms are left out of the neighbour lists, or scaled, which a many-body potential cannot do. Factors
 * that pair_style hybrid has for this style alone are in force by now; where one is zero for all styles, LAMMPS has left out
 * the pairs, and refuses another factor itself. */
void ModelACEGEN::check_special() const
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
    if (species[atom->type[i]] < 0) continue;
    for (int shell = 0, k = 0; !found && shell < 3; ++shell)    // nspecial counts those of a shell and of the ones before
      for (; !found && k < atom->nspecial[i][shell]; ++k) {
        const int j = atom->map_style == Atom::MAP_NONE ? -1 : atom->map(atom->special[i][k]);
        found = scaled[shell] && (j < 0 || species[atom->type[j]] >= 0);
      }
  }
  MPI_Allreduce(&found, &somewhere, 1, MPI_INT, MPI_MAX, world);
  if (somewhere)
    error->all(FLERR, "{} is a many-body potential of all pairs, but special_bonds leaves out or scales pairs of bonded atoms; "
               "write special_bonds lj/coul 1.0 1.0 1.0, or delete the bonds (delete_bonds all multi remove special)", who());
}

void ModelACEGEN::refuse(acegen_status status, int i) const
{
  const std::string which = i < 0 ? "an atom" : "atom " + std::to_string(atom->tag[i]);
  error->one(FLERR, "{}, step {}: {} {}", who(), update->ntimestep, which, acegen::explain(status));
}
