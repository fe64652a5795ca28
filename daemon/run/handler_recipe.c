#include "daemon/run/handler_recipe.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/writer.h"

int handler_recipe_write(const struct handler_settings *settings, char **ret_text)
{
    struct writer writer = {0};
    size_t size;

    writer_begin_object(&writer);
    writer_key(&writer, "argv");
    writer_begin_array(&writer);
    for (char *const *arg = settings->argv; *arg; arg++)
        writer_cstring(&writer, *arg);
    writer_end_array(&writer);
    if (settings->init) {
        writer_key(&writer, "init");
        writer_json(&writer, settings->init, strlen(settings->init));
    }
    if (settings->cwd) {
        writer_key(&writer, "cwd");
        writer_cstring(&writer, settings->cwd);
    }
    writer_key(&writer, "max_tasks");
    writer_uint(&writer, settings->max_tasks);
    writer_key(&writer, "idle_timeout_ms");
    writer_uint(&writer, settings->idle_timeout_ms);
    writer_key(&writer, "memory_limit");
    writer_uint(&writer, settings->memory_limit_bytes);
    writer_key(&writer, "timeout_ms");
    writer_uint(&writer, settings->timeout_ms);
    writer_key(&writer, "break_pool");
    writer_bool(&writer, settings->break_pool);
    writer_end_object(&writer);
    /* It goes into a line. */
    for (size_t i = 0; !writer_failed(&writer) && i < writer.size; i++)
        if (writer.data[i] == '\n')
            writer.data[i] = ' ';
    *ret_text = writer_take(&writer, &size);
    writer_free(&writer);
    return *ret_text ? 0 : -ENOMEM;
}

static void free_argv(char **argv)
{
    for (char **arg = argv; arg && *arg; arg++)
        free(*arg);
    free(argv);
}

static int read_argv(const json_t *argv, char ***ret_argv)
{
    size_t count = json_array_size(argv);
    const json_t *value;
    char **copy;
    size_t i;

    if (count == 0)
        return -EINVAL;
    copy = calloc(count + 1, sizeof(*copy));
    if (!copy)
        return -ENOMEM;
    json_array_foreach (argv, i, value) {
        const char *arg = json_string_value(value);

        copy[i] = arg ? strdup(arg) : NULL;
        if (!copy[i]) {
            free_argv(copy);
            return arg ? -ENOMEM : -EINVAL;
        }
    }
    *ret_argv = copy;
    return 0;
}

static uint64_t number_of(const json_t *tree, const char *name)
{
    json_int_t number = json_integer_value(json_object_get(tree, name));

    return number > 0 ? (uint64_t)number : 0;
}

int handler_recipe_read(const char *name, const char *text, size_t size,
                        struct handler_recipe *ret_recipe)
{
    struct handler_recipe recipe = {.tree = json_loadb(text, size, 0, NULL)};
    const json_t *init = json_object_get(recipe.tree, "init");
    int r = read_argv(json_object_get(recipe.tree, "argv"), &recipe.argv);

    if (r == 0 && init && !(recipe.init = json_dumps(init, JSON_COMPACT)))
        r = -ENOMEM;
    if (r < 0) {
        handler_recipe_clear(&recipe);
        return r;
    }
    recipe.settings = (struct handler_settings){
        .name = name,
        .argv = recipe.argv,
        .init = recipe.init,
        .cwd = json_string_value(json_object_get(recipe.tree, "cwd")),
        .max_tasks = number_of(recipe.tree, "max_tasks"),
        .idle_timeout_ms = number_of(recipe.tree, "idle_timeout_ms"),
        .memory_limit_bytes = number_of(recipe.tree, "memory_limit"),
        .timeout_ms = number_of(recipe.tree, "timeout_ms"),
        .break_pool = json_is_true(json_object_get(recipe.tree, "break_pool")),
    };
    *ret_recipe = recipe;
    return 0;
}

void handler_recipe_clear(struct handler_recipe *recipe)
{
    free_argv(recipe->argv);
    free(recipe->init);
    json_decref(recipe->tree);
    *recipe = (struct handler_recipe){0};
}
