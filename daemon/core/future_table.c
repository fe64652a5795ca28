#include "daemon/core/future_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/future.h"

#define PAGE_SLOTS 1024

/* What a slot holds when it holds no future: NULL for forgotten, this for expired. */
static char expired_mark;
#define EXPIRED ((struct future *)&expired_mark)

struct page {
    unsigned used; /* slots that hold a future */
    struct future *slots[PAGE_SLOTS];
};

struct future_table {
    struct page **pages; /* NULL: every future of it is gone */
    bool *page_expired;  /* of a page that is gone: retention took its last future */
    size_t capacity;     /* of both arrays */
    size_t page_count;   /* pages made so far */
    uint64_t next_id;
};

static size_t page_of(uint64_t id)
{
    return (size_t)((id - 1) / PAGE_SLOTS);
}

static size_t slot_of(uint64_t id)
{
    return (size_t)((id - 1) % PAGE_SLOTS);
}

struct future_table *future_table_new(void)
{
    struct future_table *table = calloc(1, sizeof(*table));
    if (table)
        table->next_id = 1;
    return table;
}

void future_table_free(struct future_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->page_count; i++)
        free(table->pages[i]);
    free(table->pages);
    free(table->page_expired);
    free(table);
}

static int grow(struct future_table *table, size_t pages)
{
    size_t capacity = table->capacity ? table->capacity : 16;
    while (capacity < pages)
        capacity *= 2;
    if (capacity == table->capacity)
        return 0;
    struct page **grown = realloc(table->pages, capacity * sizeof(struct page *));
    if (!grown)
        return -ENOMEM;
    table->pages = grown;
    bool *marks = realloc(table->page_expired, capacity * sizeof(bool));
    if (!marks)
        return -ENOMEM;
    table->page_expired = marks;
    table->capacity = capacity;
    return 0;
}

int future_table_reserve(struct future_table *table, uint64_t count)
{
    if (count == 0)
        return 0;
    if (count > UINT64_MAX / 2 - table->next_id)
        return -ENOMEM;
    size_t pages = page_of(table->next_id + count - 1) + 1;
    int r = grow(table, pages);
    if (r < 0)
        return r;
    while (table->page_count < pages) {
        struct page *page = calloc(1, sizeof(*page));
        if (!page)
            return -ENOMEM;
        table->page_expired[table->page_count] = false;
        table->pages[table->page_count++] = page;
    }
    return 0;
}

uint64_t future_table_add(struct future_table *table, struct future *future)
{
    uint64_t id = table->next_id++;
    struct page *page = table->pages[page_of(id)];
    page->slots[slot_of(id)] = future;
    page->used++;
    return id;
}

uint64_t future_table_next_id(const struct future_table *table)
{
    return table->next_id;
}

void future_table_remove(struct future_table *table, uint64_t id, bool expired)
{
    size_t index = page_of(id);
    struct page *page = table->pages[index];
    page->slots[slot_of(id)] = expired ? EXPIRED : NULL;
    /* A page that may still get new ids stays. */
    if (--page->used > 0 || table->next_id <= (uint64_t)(index + 1) * PAGE_SLOTS)
        return;
    table->page_expired[index] = expired;
    table->pages[index] = NULL;
    free(page);
}

int future_table_find(const struct future_table *table, uint64_t id, struct future **ret_future)
{
    if (id == 0 || id >= table->next_id)
        return -ENOENT;
    const struct page *page = table->pages[page_of(id)];
    if (!page)
        return table->page_expired[page_of(id)] ? -ESTALE : -ENOENT;
    struct future *future = page->slots[slot_of(id)];
    if (!future)
        return -ENOENT;
    if (future == EXPIRED)
        return -ESTALE;
    *ret_future = future;
    return 0;
}

static struct future *slot_future(const struct page *page, size_t slot)
{
    struct future *future = page->slots[slot];
    return future == EXPIRED ? NULL : future;
}

struct future *future_table_below(const struct future_table *table, uint64_t id)
{
    if (id >= table->next_id)
        id = table->next_id - 1;
    while (id > 0) {
        const struct page *page = table->pages[page_of(id)];
        if (!page || page->used == 0) {
            id -= slot_of(id) + 1;
            continue;
        }
        struct future *future = slot_future(page, slot_of(id));
        if (future)
            return future;
        id--;
    }
    return NULL;
}

struct future *future_table_above(const struct future_table *table, uint64_t id)
{
    if (id == 0)
        id = 1;
    while (id < table->next_id) {
        const struct page *page = table->pages[page_of(id)];
        if (!page || page->used == 0) {
            id += PAGE_SLOTS - slot_of(id);
            continue;
        }
        struct future *future = slot_future(page, slot_of(id));
        if (future)
            return future;
        id++;
    }
    return NULL;
}
