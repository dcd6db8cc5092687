/* acegen_loader.cpp: see acegen_loader.h. SPDX-License-Identifier: MIT */
#include "acegen_loader.h"

#include "acegen_symbols.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <vector>

#ifdef __linux__
#include <elf.h>
#endif

namespace acegen {
namespace {

/* Whether a file is shorter than its own headers say: opened as it is, the dynamic loader would read past its end and the
 * process would be killed. */
bool truncated(const std::string &path)
{
#ifdef __linux__
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const uint64_t size = static_cast<uint64_t>(file.tellg());
  Elf64_Ehdr header;
  file.seekg(0);
  if (!file.read(reinterpret_cast<char *>(&header), sizeof header)) return true;
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) return false;
  if (header.e_shoff + uint64_t(header.e_shnum) * header.e_shentsize > size) return true;
  file.seekg(static_cast<std::streamoff>(header.e_phoff));
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  if (!file.read(reinterpret_cast<char *>(segments.data()), std::streamsize(segments.size() * sizeof(Elf64_Phdr))))
    return true;
  for (const Elf64_Phdr &segment : segments)
    if (segment.p_offset + segment.p_filesz > size) return true;
#else
  (void) path;
#endif
  return false;
}

/* Open a library as its file is now. The dynamic loader knows libraries by name: that of one which was built again while
 * another simulation still has the old one open would be taken for the old one. Spelled anew it is looked for by its file. */
void *load(std::string name)
{
  static std::atomic<unsigned> respelled(0);
  void *const known = dlopen(name.c_str(), RTLD_NOW | RTLD_NOLOAD);
  if (known) name.insert(0, 1 + respelled++ % 1000, '/');
  void *const handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (known) dlclose(known);
  return handle;
}

}    // namespace

ModelLibrary::~ModelLibrary()
{
  close();
}

void ModelLibrary::close()
{
  model_ = nullptr;
  if (handle_) dlclose(handle_);
  handle_ = nullptr;
}

std::string ModelLibrary::open(const std::string &path)
{
  close();
  path_ = path;
  struct stat status;
  if (stat(path.c_str(), &status) != 0 || S_ISDIR(status.st_mode) || !std::ifstream(path))
    return "there is no file " + path + " that can be read; give the library that 'make' in an export of the model built";
  if (truncated(path)) return "the library " + path + " is truncated; build or copy it again";
  /* A name without a slash would be looked for in the system's folders. */
  char *const absolute = realpath(path.c_str(), nullptr);
  handle_ = load(absolute ? absolute : path);
  free(absolute);
  if (!handle_) {
    const char *const said = dlerror();
    return "the library " + path + " does not load (" + (said ? said : "no reason given") +
        "); build it again on this machine";
  }
  typedef const acegen_model *(*entry)();
  entry get = nullptr;
  void *const symbol = dlsym(handle_, "acegen_library");
  memcpy(&get, &symbol, sizeof get); /* ISO C++ has no cast from data to functions */
  std::string problem;
  if (!get)
    problem = "the library " + path + " holds no model of acegen; give the one that 'make' in an export of it built";
  else if (!(model_ = get()))
    problem = "the model " + path + " was compiled for a processor with other instructions; compile it again here, or with "
              "--march x86-64-v3";
  else if (model_->abi_version != ACEGEN_ABI_VERSION)
    problem = "the model " + path + " has version " + std::to_string(model_->abi_version) +
        " of acegen's interface, this code needs " + std::to_string(ACEGEN_ABI_VERSION) +
        "; export model and plugin again with the same acegen";
  else if (!model_->potential)
    problem = "the model " + path + " was compiled without coefficients and has no energies";
  if (!problem.empty()) close();
  return problem;
}

int ModelLibrary::species(const std::string &symbol) const
{
  for (int i = 0; model_ && i < model_->n_species; ++i)
    if (symbol == ACEGEN_SYMBOLS[model_->atomic_numbers[i]]) return i;
  return -1;
}

std::string ModelLibrary::symbol(int index) const
{
  return ACEGEN_SYMBOLS[model_->atomic_numbers[index]];
}

std::string ModelLibrary::elements() const
{
  std::string names;
  for (int i = 0; model_ && i < model_->n_species; ++i) names += (i ? " " : "") + symbol(i);
  return names;
}

std::string explain(acegen_status status)
{
  switch (status) {
    case ACEGEN_OK:
      return "no error";
    case ACEGEN_COINCIDENT:
      return "has a neighbour closer than 1e-6 Angstrom: atoms overlap; remove duplicates (delete_atoms overlap) or minimize "
             "with a soft potential first";
    case ACEGEN_NOT_FINITE:
      return "or a neighbour has a position that is not a finite number: the simulation has blown up; use a smaller "
             "timestep or better initial positions";
    case ACEGEN_UNKNOWN_SPECIES:
      return "or a neighbour is of an element the model does not have";
    case ACEGEN_SMALL_WORKSPACE:
    case ACEGEN_BAD_ARGUMENT:
    case ACEGEN_OUTSIDE: // of models of other particles only
      break;
  }
  return "was passed to the model in a wrong way (status " + std::to_string(static_cast<int>(status)) +
      "); please report this";
}

}    // namespace acegen
