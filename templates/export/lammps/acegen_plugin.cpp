/* acegen_plugin.cpp: makes the pair style acegen, and the computes and fixes beside it, known to a running LAMMPS
 * ('plugin load').
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#include "lammps.h"

#include "compute_acegen_grade_atom.h"
#include "compute_acegen_uncertainty_atom.h"
#include "fix_acegen_grade.h"
#include "pair_acegen.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstring>
#include <string>

using namespace LAMMPS_NS;

extern "C" {
/* As in LAMMPS' lammpsplugin.h, which its binary distributions leave out. */
typedef void *(lammpsplugin_factory1) (void *);
typedef void *(lammpsplugin_factory2) (void *, int, char **);
typedef struct {
  const char *version;
  const char *style;
  const char *name;
  const char *info;
  const char *author;
  union {
    lammpsplugin_factory1 *v1;
    lammpsplugin_factory2 *v2;
  } creator;
  void *handle;
} lammpsplugin_t;
typedef void (*lammpsplugin_regfunc)(lammpsplugin_t *, void *);

void lammpsplugin_init(void *, void *, void *);
}

static void *create_pair(void *lmp)
{
  return static_cast<Pair *>(new PairACEGEN(static_cast<LAMMPS *>(lmp)));
}

/* Computes and fixes are given the words of their command. */
template <typename Base, typename Style> static void *create(void *lmp, int narg, char **arg)
{
  return static_cast<Base *>(new Style(static_cast<LAMMPS *>(lmp), narg, arg));
}

/* A function of the LAMMPS library interface, if the program that loads us has it. */
template <typename Function> static Function interface(const char *name)
{
  Function function = nullptr;
  void *const symbol = dlsym(RTLD_DEFAULT, name);
  memcpy(&function, &symbol, sizeof function);
  return function;
}

/* What speaks against running in this LAMMPS: other sizes of integers would be read as garbage. */
static std::string mismatch(void *lmp)
{
  const auto setting = interface<int (*)(void *, const char *)>("lammps_extract_setting");
  if (setting && (setting(lmp, "bigint") != int(sizeof(bigint)) || setting(lmp, "tagint") != int(sizeof(tagint)) ||
                  setting(lmp, "imageint") != int(sizeof(imageint))))
    return "it was built for integers of other sizes; set SIZES=-DLAMMPS_BIGBIG or -DLAMMPS_SMALLBIG as in this LAMMPS";
#ifdef ACEGEN_LAMMPS_VERSION
  const auto version = interface<int (*)(void *)>("lammps_version");
  if (version && version(lmp) != ACEGEN_LAMMPS_VERSION)
    return "it was built for LAMMPS " + std::to_string(ACEGEN_LAMMPS_VERSION) + ", this is " +
        std::to_string(version(lmp)) + "; run 'make clean all' with this one";
#endif
  return "";
}

void lammpsplugin_init(void *lmp, void *handle, void *regfunc)
{
  const std::string problem = mismatch(lmp);
  if (!problem.empty()) {
    fprintf(stderr, "The plugin acegen is not loaded: %s.\n", problem.c_str());
    return;
  }
  lammpsplugin_t plugin;
  plugin.version = static_cast<LAMMPS *>(lmp)->version;
  plugin.author = "acegen";
  plugin.handle = handle;
  const auto add = [&](const char *style, const char *name, const char *info) {
    plugin.style = style;
    plugin.name = name;
    plugin.info = info;
    reinterpret_cast<lammpsplugin_regfunc>(regfunc)(&plugin, lmp);
  };
  plugin.creator.v1 = &create_pair;
  add("pair", "acegen", "ACE models compiled by acegen");
  plugin.creator.v2 = &create<Compute, ComputeACEGENGradeAtom>;
  add("compute", "acegen/grade/atom", "how far atoms are from the training data");
  plugin.creator.v2 = &create<Compute, ComputeACEGENUncertaintyAtom>;
  add("compute", "acegen/uncertainty/atom", "errors to be expected of energies and forces");
  plugin.creator.v2 = &create<Fix, FixACEGENGrade>;
  add("fix", "acegen/grade", "selects configurations and stops runs far from the training data");
}
