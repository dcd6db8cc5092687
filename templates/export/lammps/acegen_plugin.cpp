/* acegen_plugin.cpp: makes the pair style acegen known to a running LAMMPS ('plugin load').
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#include "lammps.h"

#include "pair_acegen.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstring>
#include <string>

using namespace LAMMPS_NS;

extern "C" {
/* As in LAMMPS' lammpsplugin.h, which its binary distributions leave out. */
typedef void *(lammpsplugin_factory1) (void *);
typedef struct {
  const char *version;
  const char *style;
  const char *name;
  const char *info;
  const char *author;
  union {
    lammpsplugin_factory1 *v1;
    void *v2;
  } creator;
  void *handle;
} lammpsplugin_t;
typedef void (*lammpsplugin_regfunc)(lammpsplugin_t *, void *);

void lammpsplugin_init(void *, void *, void *);
}

static Pair *create(LAMMPS *lmp)
{
  return new PairACEGEN(lmp);
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
  plugin.style = "pair";
  plugin.name = "acegen";
  plugin.info = "ACE models compiled by acegen";
  plugin.author = "acegen";
  plugin.creator.v1 = reinterpret_cast<lammpsplugin_factory1 *>(&create);
  plugin.handle = handle;
  reinterpret_cast<lammpsplugin_regfunc>(regfunc)(&plugin, lmp);
}
