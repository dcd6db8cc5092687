/* compute_acegen_grade_atom.cpp: see compute_acegen_grade_atom.h.
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#include "compute_acegen_grade_atom.h"

#include "atom.h"
#include "neighbor.h"
#include "update.h"

using namespace LAMMPS_NS;

ComputeACEGENGradeAtom::ComputeACEGENGradeAtom(LAMMPS *lmp, int narg, char **arg) :
    Compute(lmp, narg, arg), source(lmp, std::string("compute ") + arg[0] + " " + arg[1] + " " + arg[2])
{
  peratom_flag = 1;
  size_peratom_cols = 0;
  source.read_keywords(narg - 3, arg + 3);
  if (source.own()) source.need_grades();
}

void ComputeACEGENGradeAtom::init()
{
  source.find();
  source.need_grades();
  if (source.own()) neighbor->add_request(this, NeighConst::REQ_FULL | NeighConst::REQ_OCCASIONAL);
}

void ComputeACEGENGradeAtom::init_list(int, NeighList *list)
{
  source.set_list(list);
}

void ComputeACEGENGradeAtom::compute_peratom()
{
  invoked_peratom = update->ntimestep;
  grade.assign(atom->nlocal + 1, 0.0);
  source.grades(groupbit, grade.data());
  vector_atom = grade.data();
}

double ComputeACEGENGradeAtom::memory_usage()
{
  return source.batch.memory_usage() + sizeof(double) * grade.capacity();
}
