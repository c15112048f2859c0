// SPDX-License-Identifier: Apache-2.0
/* Names of classes and functions: aliases, and which names are more than data. */
#include "formats/pickle/machine.h"

/* --- aliases --- */

/* Modules that moved. A row matches the module and what is below it. */
static const struct alias {
    const char *from, *to;
} MODULES[] = {
    {"__builtin__", "builtins"},
    {"exceptions", "builtins"},
    {"copy_reg", "copyreg"},
    {"numpy.core._multiarray_umath", "numpy._core.multiarray"},
    {"numpy._core._multiarray_umath", "numpy._core.multiarray"},
    {"numpy.core", "numpy._core"},
    {"sklearn.externals.joblib", "joblib"},
    {"_loss", "sklearn._loss._loss"}, /* as Cython names it */
};

/* Builtins of Python 2. */
static const struct alias BUILTINS[] = {
    {"unicode", "str"},
    {"long", "int"},
    {"xrange", "range"},
};

void pickle_fold(struct bytes module, struct bytes name, const char **folded_module,
                 const char **folded_name, struct arena *keep)
{
    *folded_module = arena_text(keep, module);
    *folded_name = arena_text(keep, name);
    for (size_t i = 0; *folded_module && i < ARRAY_COUNT(MODULES); i++) {
        struct bytes from = bytes_of(MODULES[i].from);
        if (!bytes_starts(module, from) ||
            (module.size > from.size && module.data[from.size] != '.'))
            continue;
        *folded_module = arena_printf(keep, "%s%s", MODULES[i].to, *folded_module + from.size);
        break;
    }
    if (!*folded_module || strcmp(*folded_module, "builtins") != 0)
        return;
    for (size_t i = 0; i < ARRAY_COUNT(BUILTINS); i++)
        if (bytes_is(name, BUILTINS[i].from))
            *folded_name = BUILTINS[i].to;
}

/* --- names that are more than data --- */

/* What loading would import or call is data when it is in a package that firn knows ... */
static const char *const PACKAGES[] = {
    "numpy",
    "scipy",
    "pandas",
    "sklearn",
    "joblib",
    "collections",

    "datetime",
    "decimal",
    "fractions",
    "uuid",
    "pathlib",
    "xgboost",
    "lightgbm",
    "catboost",
    "sklearn2pmml",
    "imblearn",
    "sklearn_pandas",
    "category_encoders",
    "sklearn_contrib",
    "statsmodels",
    "patsy",
    "ngboost",
    "interpret",
    "optbinning",
    "sktree",
    "treeple",
    "pyarrow",
    "skops",
    "pytz",
    "dateutil",
    "zoneinfo",
    "tpot",
    "hyperopt",
    "hpsklearn",
    "mlxtend",
    "sklego",
    "skopt",
    "lightning",
    "theano",
    "pmdarima",
    "formulaic",
    "autosklearn",
    "imodels",
    "flaml",
    "CHAID",
    "treelib",
    "causalml",
    "quantile_forest",
    "pycaret",
};

/* ... unless it is one of these, which run code, read files or fetch. A '*' ends a prefix. */
static const struct {
    const char *module, *name;
} CALLS_CODE[] = {
    {"numpy.testing", "*"},
    {"numpy.distutils", "*"},
    {"numpy.f2py", "*"},
    {"numpy.ctypeslib", "*"},
    {"numpy.lib.npyio", "*"},
    {"numpy.lib._npyio_impl", "*"},
    {"numpy.lib.utils", "*"},
    {"numpy", "load"},
    {"numpy", "loadtxt"},
    {"numpy", "genfromtxt"},
    {"numpy", "fromfile"},
    {"numpy", "memmap"},
    {"numpy", "vectorize"},
    {"scipy.weave", "*"},
    {"scipy.io", "*"},
    {"pandas.io", "*"},
    {"pandas.core.computation", "*"},
    {"pandas", "eval"},
    {"pandas", "read_pickle"},
    {"joblib.externals", "*"},
    {"joblib", "load"},
    {"joblib.numpy_pickle", "load"},
    {"sklearn.datasets", "fetch_*"},
    {"sklearn.datasets", "load_*"},
    {"sklearn.externals", "*"},
    {"sklearn.utils._testing", "*"},
    {"statsmodels", "load*"},
    {"pyarrow.fs", "*"},
    {"hyperopt.main", "*"},
};

static const char *const BUILTINS_OF_DATA[] = {
    "object", "set",  "frozenset", "bytes",          "bytearray", "list",     "tuple",
    "dict",   "int",  "float",     "bool",           "str",       "complex",  "slice",
    "range",  "type", "Ellipsis",  "NotImplemented", "abs",       "len",      "max",
    "min",    "sum",  "Exception", "ValueError",     "TypeError", "KeyError", "property",
};

/* Functions outside of those packages that only make values. */
static const struct {
    const char *module, *name;
} VALUES[] = {
    {"_codecs", "encode"},
    {"copyreg", "_reconstructor"},
    {"copyreg", "__newobj__"},
    {"copyreg", "__newobj_ex__"},
    {"dill._dill", "_load_type"},
    {"dill.dill", "_load_type"},
    {"cloudpickle.cloudpickle", "_builtin_type"},
};

static bool module_within(const char *module, const char *package)
{
    size_t size = strlen(package);

    return strncmp(module, package, size) == 0 && (module[size] == '\0' || module[size] == '.');
}

static bool listed(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool name_matches(const char *name, const char *pattern)
{
    const char *star = strchr(pattern, '*');

    return star ? strncmp(name, pattern, (size_t)(star - pattern)) == 0
                : strcmp(name, pattern) == 0;
}

static bool is_data(const char *module, const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(CALLS_CODE); i++)
        if (module_within(module, CALLS_CODE[i].module) && name_matches(name, CALLS_CODE[i].name))
            return false;
    for (size_t i = 0; i < ARRAY_COUNT(VALUES); i++)
        if (strcmp(module, VALUES[i].module) == 0 && strcmp(name, VALUES[i].name) == 0)
            return true;
    if (strchr(name, '.')) /* an attribute of a class: a bound function, or worse */
        return false;
    if (strcmp(module, "builtins") == 0)
        return listed(name, BUILTINS_OF_DATA, ARRAY_COUNT(BUILTINS_OF_DATA));
    for (size_t i = 0; i < ARRAY_COUNT(PACKAGES); i++)
        if (module_within(module, PACKAGES[i]))
            return true;
    return false;
}

size_t pickle_executes(const struct pickle *pickle, const char **names, size_t names_max)
{
    size_t count = 0;

    for (size_t i = 0; i < pickle->global_count && count < names_max; i++)
        if (!is_data(pickle->global_objects[i]->module, pickle->global_objects[i]->name))
            names[count++] = pickle->globals[i];
    return count;
}
