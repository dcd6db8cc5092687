/* fix_acegen_grade.cpp: see fix_acegen_grade.h.
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#include "fix_acegen_grade.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "timer.h"
#include "update.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

using namespace LAMMPS_NS;

/* ---- the command --------------------------------------------------------------------------------------- */

FixACEGENGrade::FixACEGENGrade(LAMMPS *lmp, int narg, char **arg) :
    Fix(lmp, narg, arg), user(std::string("fix ") + arg[0] + " " + arg[1] + " " + arg[2]), source(lmp, user)
{
  scalar_flag = vector_flag = 1;
  size_vector = 3;
  extscalar = extvector = 0;
  global_freq = 1;    // what is known is of the last evaluation
  if (narg < 4) error->all(FLERR, "{} needs N, every how many steps grades are evaluated", user);
  nevery = utils::inumeric(FLERR, arg[3], false, lmp);
  if (nevery < 1) error->all(FLERR, "{}: N is every how many steps grades are evaluated, at least 1, not {}", user, arg[3]);
  for (int k = 4; k < narg; k += 2) {
    if (k + 1 == narg) error->all(FLERR, "{}: after '{}' its value is missing", user, arg[k]);
    read_keyword(arg[k], arg[k + 1]);
  }
  if (!path.empty() && std::isinf(select_given))
    error->all(FLERR, "{}: 'select none' leaves nothing to write to the file {}", user, path);
  if (!path.empty()) open_file();
}

FixACEGENGrade::~FixACEGENGrade()
{
  if (file) fclose(file);
}

void FixACEGENGrade::read_keyword(const std::string &keyword, const char *value)
{
  if (keyword == "select")
    select_given = threshold(keyword, value);
  else if (keyword == "stop")
    stop_given = threshold(keyword, value);
  else if (keyword == "file")
    path = value;
  else if (keyword == "model")
    source.choose(value);
  else if (keyword == "max" || keyword == "interval") {
    const int number = utils::inumeric(FLERR, value, false, lmp);
    if (number < 1) error->all(FLERR, "{}: '{}' must be at least 1, not {}", user, keyword, value);
    (keyword == "max" ? most : interval) = number;
  } else if (keyword == "error") {
    goes_on = strcmp(value, "continue") == 0;
    if (!goes_on && strcmp(value, "soft") != 0) error->all(FLERR, "{}: 'error' is soft or continue, not '{}'", user, value);
  } else {
    error->all(FLERR, "{}: there is no keyword '{}'; choose from select, file, max, interval, stop, error, model", user,
               keyword);
  }
}

double FixACEGENGrade::threshold(const std::string &keyword, const char *value) const
{
  if (strcmp(value, "none") == 0) return HUGE_VAL;
  const double number = utils::numeric(FLERR, value, false, lmp);
  if (!(number > 0.0) || std::isinf(number))
    error->all(FLERR, "{}: '{}' is a grade above zero, or none, not {}", user, keyword, value);
  return number;
}

/* An earlier file of this name is replaced. */
void FixACEGENGrade::open_file()
{
  int problem = 0;
  if (comm->me == 0 && !(file = fopen(path.c_str(), "w"))) problem = errno ? errno : EIO;
  MPI_Bcast(&problem, 1, MPI_INT, 0, world);
  if (problem) error->all(FLERR, "{}: the file {} cannot be written: {}", user, path, strerror(problem));
}

int FixACEGENGrade::setmask()
{
  return FixConst::END_OF_STEP | FixConst::MIN_POST_FORCE | FixConst::POST_RUN;
}

/* ---- before a run -------------------------------------------------------------------------------------- */

void FixACEGENGrade::init()
{
  if (last_written > update->ntimestep) last_written = -1;    // after reset_timestep
  source.find();
  source.need_grades();
  const double *const usual = source.model().get()->grade_thresholds;
  select = select_given ? select_given : usual[0];
  stop = stop_given ? stop_given : std::isinf(select) ? usual[1] : std::max(usual[1], select);
  if (select_given && !stop_given && !std::isinf(select) && usual[1] < select)
    error->all(FLERR, "{}: 'select' is {}, but above {}, the threshold of {}, the run stops; give 'stop' as well", user,
               select, usual[1], source.model().who());
  if (!std::isinf(select) && stop < select)
    error->all(FLERR, "{}: the run stops above {}, before configurations are selected, above {}; 'stop' must not be less than "
               "'select'", user, stop, select);
  evaluated = -1;    // positions may have changed between runs
  stopped = false;
}

void FixACEGENGrade::setup(int)
{
  if (update->ntimestep % nevery == 0) evaluate();
}

void FixACEGENGrade::min_setup(int)
{
  setup(0);
}

/* ---- in a run ------------------------------------------------------------------------------------------ */

/* `rerun` has been through setup() for the same step. */
void FixACEGENGrade::end_of_step()
{
  if (update->ntimestep != evaluated) evaluate();
}

/* Searching along a line, a minimizer evaluates several configurations in a step: the first is looked at. */
void FixACEGENGrade::min_post_force(int)
{
  if (update->ntimestep % nevery == 0 && update->ntimestep != evaluated) evaluate();
}

void FixACEGENGrade::evaluate()
{
  grade.assign(atom->nlocal + 1, 0.0);
  source.grades(groupbit, grade.data());
  evaluated = update->ntimestep;
  find_largest();
  stopped = stopped || largest > stop;
  if (largest > select && !path.empty() && written < most &&
      (last_written < 0 || evaluated - last_written >= interval || (largest > stop && evaluated > last_written)))
    write_configuration();
  if (largest > stop) end_run();
}

/* The largest grade of all processes, its atom, and how many are over the first threshold. */
void FixACEGENGrade::find_largest()
{
  struct {
    double grade;
    int process;
  } mine = {0.0, comm->me}, all;
  tagint atom_id = 0;
  bigint count = 0;
  for (int i = 0; i < atom->nlocal; ++i) {
    const double value = std::isnan(grade[i]) ? HUGE_VAL : grade[i];
    count += value > select;
    if (value > mine.grade) {
      mine.grade = value;
      atom_id = atom->tag[i];
    }
  }
  MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE_INT, MPI_MAXLOC, world);
  MPI_Allreduce(&count, &above, 1, MPI_LMP_BIGINT, MPI_SUM, world);
  MPI_Bcast(&atom_id, 1, MPI_LMP_TAGINT, all.process, world);
  largest = all.grade;
  where = atom_id;
}

/* End the run after this step, as fix halt does: the commands that follow are carried out. */
void FixACEGENGrade::end_run()
{
  if (comm->me == 0)
    utils::logmesg(lmp, "{}: step {}: the run ends, since atom {} has grade {:.6g}, above {:.6g}: {} is not to be trusted "
                   "there{}\n", user, evaluated, where, largest, stop, source.model().who(),
                   goes_on ? "" : "; later runs are skipped ('error continue' allows them)");
  timer->force_timeout();
}

void FixACEGENGrade::post_run()
{
  if (stopped && goes_on) timer->reset_timeout();
}

/* ---- configurations ------------------------------------------------------------------------------------ */

void FixACEGENGrade::write_configuration()
{
  const std::vector<Row> rows = gather_rows();
  ++written;
  last_written = evaluated;
  if (comm->me) return;
  const std::string text = configuration(rows);
  // in one piece, and not kept in memory: who reads the file meanwhile, or after a crash, finds whole configurations
  if (fwrite(text.data(), 1, text.size(), file) != text.size() || fflush(file) != 0)
    error->one(FLERR, "{}: the file {} cannot be written: {}", user, path, strerror(errno));
  utils::logmesg(lmp, "{}: step {}: configuration {} of at most {} written to {}: atom {} has grade {:.6g}\n", user, evaluated,
                 written, most, path, where, largest);
}

/* All atoms, by ID; on the first process. */
std::vector<FixACEGENGrade::Row> FixACEGENGrade::gather_rows() const
{
  std::vector<Row> rows(atom->nlocal);
  for (int i = 0; i < atom->nlocal; ++i)
    rows[i] = {atom->tag[i], atom->type[i], {atom->x[i][0], atom->x[i][1], atom->x[i][2]}, grade[i]};
  int count = atom->nlocal;
  MPI_Datatype row;    // counted in rows: there may be more bytes than an int can say
  MPI_Type_contiguous(int(sizeof(Row)), MPI_BYTE, &row);
  MPI_Type_commit(&row);
  if (comm->me) {
    MPI_Send(&count, 1, MPI_INT, 0, 0, world);
    MPI_Send(rows.data(), count, row, 0, 0, world);
    MPI_Type_free(&row);
    return rows;
  }
  for (int process = 1; process < comm->nprocs; ++process) {
    MPI_Recv(&count, 1, MPI_INT, process, 0, world, MPI_STATUS_IGNORE);
    const size_t begin = rows.size();
    rows.resize(begin + count);
    MPI_Recv(rows.data() + begin, count, row, process, 0, world, MPI_STATUS_IGNORE);
  }
  MPI_Type_free(&row);
  std::sort(rows.begin(), rows.end(), [](const Row &one, const Row &other) { return one.id < other.id; });
  return rows;
}

/* In the format of `dump custom`. */
std::string FixACEGENGrade::configuration(const std::vector<Row> &rows) const
{
  char boundary[10], line[256];
  domain->boundary_string(boundary);
  std::string text = "ITEM: TIMESTEP\n" + std::to_string(evaluated) + "\nITEM: NUMBER OF ATOMS\n" +
      std::to_string(rows.size()) + "\nITEM: BOX BOUNDS " + (domain->triclinic ? "xy xz yz " : "") + boundary + "\n";
  const double tilt[3] = {domain->xy, domain->xz, domain->yz};
  for (int axis = 0; axis < 3; ++axis) {
    const double low = domain->triclinic ? domain->boxlo_bound[axis] : domain->boxlo[axis];
    const double high = domain->triclinic ? domain->boxhi_bound[axis] : domain->boxhi[axis];
    if (domain->triclinic)
      snprintf(line, sizeof line, "%.16e %.16e %.16e\n", low, high, tilt[axis]);
    else
      snprintf(line, sizeof line, "%.16e %.16e\n", low, high);
    text += line;
  }
  text += "ITEM: ATOMS id type element x y z c_grade\n";
  std::vector<std::string> elements;
  for (int type = 1; type <= atom->ntypes; ++type) elements.push_back(source.symbol(type));
  for (const Row &row : rows) {
    snprintf(line, sizeof line, " %d %s %.16g %.16g %.16g %.16g\n", row.type, elements[row.type - 1].c_str(), row.x[0],
             row.x[1], row.x[2], row.grade);
    text += std::to_string(row.id) + line;
  }
  return text;
}

/* ---- what it knows ------------------------------------------------------------------------------------- */

/* The largest grade at the last evaluation. */
double FixACEGENGrade::compute_scalar()
{
  return largest;
}

/* Atoms over `select` at the last evaluation, configurations written, step of the last of them (-1: none). */
double FixACEGENGrade::compute_vector(int k)
{
  return k == 0 ? double(above) : k == 1 ? double(written) : double(last_written);
}

double FixACEGENGrade::memory_usage()
{
  return source.batch.memory_usage() + sizeof(double) * grade.capacity();
}
