/* compute_acegen_uncertainty_atom.cpp: see compute_acegen_uncertainty_atom.h.
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#include "compute_acegen_uncertainty_atom.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace LAMMPS_NS;

static constexpr int COLUMNS = 4;

ComputeACEGENUncertaintyAtom::ComputeACEGENUncertaintyAtom(LAMMPS *lmp, int narg, char **arg) :
    Compute(lmp, narg, arg), source(lmp, std::string("compute ") + arg[0] + " " + arg[1] + " " + arg[2])
{
  peratom_flag = 1;
  size_peratom_cols = COLUMNS;
  scalar_flag = 1;
  extscalar = 1;
  source.read_keywords(narg - 3, arg + 3);
  if (source.own()) source.need_committee();
}

ComputeACEGENUncertaintyAtom::~ComputeACEGENUncertaintyAtom()
{
  memory->destroy(array_atom);
}

void ComputeACEGENUncertaintyAtom::init()
{
  source.find();
  source.need_committee();
  n_members = source.model().get()->n_members;
  comm_reverse = 3 * n_members;
  evaluated = -1;
  if (source.own()) neighbor->add_request(this, NeighConst::REQ_FULL | NeighConst::REQ_OCCASIONAL);
}

void ComputeACEGENUncertaintyAtom::init_list(int, NeighList *list)
{
  source.set_list(list);
}

/* Standard deviation of the error of a sum with these deviations of the members, `stride` apart. */
static double deviation(const double *members, int n_members, int stride, double floor, double scale)
{
  double variance = 0.0;
  for (int k = 0; k < n_members; ++k) variance += members[k * stride] * members[k * stride];
  return sqrt(floor * floor + scale * scale * variance / n_members);
}

static double energy_unit(const char *unit_style)
{
  return strcmp(unit_style, "real") == 0 ? utils::get_conversion_factor(utils::ENERGY, utils::METAL2REAL) : 1.0;
}

double ComputeACEGENUncertaintyAtom::compute_scalar()
{
  invoked_scalar = update->ntimestep;
  if (evaluated != update->ntimestep) evaluate();
  std::vector<double> sums(n_members + 1, 0.0), all(n_members + 1);    // and the number of atoms
  for (int i = 0; i < atom->nlocal; ++i) {
    for (int k = 0; k < n_members; ++k) sums[k] += energies[i * size_t(n_members) + k];
    sums[n_members] += source.model().species[atom->type[i]] >= 0;
  }
  MPI_Allreduce(sums.data(), all.data(), n_members + 1, MPI_DOUBLE, MPI_SUM, world);
  const double *const calibration = source.model().get()->committee_calibration;
  scalar = energy_unit(update->unit_style) *
      deviation(all.data(), n_members, 1, all[n_members] * calibration[0], calibration[1]);
  return scalar;
}

void ComputeACEGENUncertaintyAtom::compute_peratom()
{
  invoked_peratom = update->ntimestep;
  if (evaluated != update->ntimestep) evaluate();
  if (atom->nmax > room) {
    memory->destroy(array_atom);
    room = atom->nmax;
    memory->create(array_atom, room, COLUMNS, "acegen/uncertainty/atom");
  }
  const double *const calibration = source.model().get()->committee_calibration;
  const double unit = energy_unit(update->unit_style);
  for (int i = 0; i < atom->nlocal; ++i) {
    double *const row = array_atom[i];
    std::fill_n(row, COLUMNS, 0.0);
    if (!(atom->mask[i] & groupbit) || source.model().species[atom->type[i]] < 0) continue;
    row[0] = unit * deviation(&energies[i * size_t(n_members)], n_members, 1, calibration[0], calibration[1]);
    for (int axis = 0; axis < 3; ++axis)
      row[1 + axis] =
          unit * deviation(&forces[3 * i * size_t(n_members) + axis], n_members, 3, calibration[2], calibration[3]);
  }
}

/* Energies and forces of the members, of all atoms: forces are sums over environments of many. */
void ComputeACEGENUncertaintyAtom::evaluate()
{
  const NeighList *const list = source.list();
  const acegen_model *const model = source.model().get();
  const int threads = source.model().threads();
  energies.assign(size_t(atom->nlocal) * n_members + 1, 0.0);
  forces.assign(size_t(atom->nlocal + atom->nghost) * 3 * n_members + 1, 0.0);
  std::vector<int> centres;
  for (int k = 0; k < list->inum; ++k)
    if (source.model().species[atom->type[list->ilist[k]]] >= 0) centres.push_back(list->ilist[k]);
  BatchACEGEN &batch = source.batch;
  for (size_t begin = 0; begin < centres.size(); begin += BatchACEGEN::SIZE) {
    const int count = int(std::min(size_t(BatchACEGEN::SIZE), centres.size() - begin));
    batch.gather(atom, source.model(), list, &centres[begin], count);
    batch_energy.resize(size_t(BatchACEGEN::SIZE) * n_members);
    const size_t wanted = 3 * size_t(batch.entries()) * n_members + 1;
    if (batch_gradient.size() < wanted) batch_gradient.resize(wanted);
    const acegen_environments environments = batch.environments();
    const size_t needed = model->committee_workspace(batch.most, threads);
    int64_t failed = -1;
    const acegen_status status = model->committee(&environments, batch_energy.data(), batch_gradient.data(), threads,
                                                  batch.workspace(needed), needed, &failed);
    if (status != ACEGEN_OK) source.model().refuse(status, failed < 0 ? -1 : centres[begin + failed]);
    scatter(&centres[begin], count);
  }
  comm->reverse_comm(this);    // what neighbours on other processes, and periodic images, receive
  evaluated = update->ntimestep;
}

void ComputeACEGENUncertaintyAtom::scatter(const int *centres, int count)
{
  const BatchACEGEN &batch = source.batch;
  const size_t members = n_members;
  for (int k = 0; k < count; ++k) {
    const size_t i = centres[k];
    std::copy_n(&batch_energy[k * members], members, &energies[i * members]);
    for (size_t member = 0; member < members; ++member) {
      const double *const gradient = &batch_gradient[3 * member * batch.entries()];
      double *const on_centre = &forces[3 * (i * members + member)];
      for (int64_t m = batch.first[k]; m < batch.first[k + 1]; ++m) {
        double *const on_neighbour = &forces[3 * (batch.neighbour[m] * members + member)];
        for (int axis = 0; axis < 3; ++axis) {
          on_centre[axis] += gradient[3 * m + axis];
          on_neighbour[axis] -= gradient[3 * m + axis];
        }
      }
    }
  }
}

int ComputeACEGENUncertaintyAtom::pack_reverse_comm(int n, int first, double *buffer)
{
  const size_t size = comm_reverse;
  std::copy_n(&forces[first * size], n * size, buffer);
  return int(n * size);
}

void ComputeACEGENUncertaintyAtom::unpack_reverse_comm(int n, int *list, double *buffer)
{
  const size_t size = comm_reverse;
  for (int k = 0; k < n; ++k)
    for (size_t m = 0; m < size; ++m) forces[list[k] * size + m] += buffer[k * size + m];
}

double ComputeACEGENUncertaintyAtom::memory_usage()
{
  return source.batch.memory_usage() + sizeof(double) * (double(room) * COLUMNS + energies.capacity() + forces.capacity() +
      batch_energy.capacity() + batch_gradient.capacity());
}
