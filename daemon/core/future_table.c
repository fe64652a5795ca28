#include "daemon/core/future_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SLOTS 1024

/* A slot is a pointer to a future, or one of these in the low bits, where pointers have zeroes.
 * Above them a trace has its flags, and in the upper half its user. */
#define SLOT_NONE     0
#define SLOT_EXPIRED  1
#define SLOT_TRACE    2
#define SLOT_KIND     3
#define TRACE_FAILED  4
#define TRACE_CANCEL  8
#define TRACE_MAP     16
#define TRACE_ITEM    32
#define TRACE_UID_BIT 32

struct page {
    unsigned used;    /* slots that hold a future or a trace */
    unsigned futures; /* slots that hold a future */
    uint64_t owners;  /* bits of owner_bit: of no other user there is or was anything */
    uint64_t slots[PAGE_SLOTS];
};

struct future_table {
    struct page **pages; /* NULL: every future of it is gone */
    bool *page_expired;  /* of a page that is gone: retention took its last future */
    size_t capacity;     /* of both arrays */
    size_t page_count;   /* pages made so far */
    uint64_t next_id;
};

/* Users share bits, when there are many. */
static uint64_t owner_bit(uint32_t uid)
{
    return UINT64_C(1) << ((uid * UINT32_C(2654435769)) >> 26);
}
#define ANY_OWNER UINT64_MAX

static size_t page_of(uint64_t id)
{
    return (size_t)((id - 1) / PAGE_SLOTS);
}

static size_t slot_of(uint64_t id)
{
    return (size_t)((id - 1) % PAGE_SLOTS);
}

static uint64_t last_of_page(size_t page)
{
    return (uint64_t)(page + 1) * PAGE_SLOTS;
}

static bool is_future(uint64_t slot)
{
    return slot != SLOT_NONE && (slot & SLOT_KIND) == 0;
}

static bool is_trace(uint64_t slot)
{
    return (slot & SLOT_KIND) == SLOT_TRACE;
}

static struct future *future_of(uint64_t slot)
{
    return is_future(slot) ? (struct future *)(uintptr_t)slot : NULL;
}

static uint64_t trace_slot(const struct trace *trace)
{
    uint64_t slot = SLOT_TRACE | (uint64_t)trace->uid << TRACE_UID_BIT;
    slot |= trace->failed ? TRACE_FAILED : 0;
    slot |= trace->state == FUTURE_CANCELLED ? TRACE_CANCEL : 0;
    slot |= trace->is_map ? TRACE_MAP : 0;
    slot |= trace->is_item ? TRACE_ITEM : 0;
    return slot;
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

/* ---- pages ---- */

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

/* The places of pages up to that one exist; new ones are empty. */
static int reach(struct future_table *table, size_t page)
{
    int r = page < table->page_count ? 0 : grow(table, page + 1);
    if (r < 0)
        return r;
    while (table->page_count <= page) {
        table->page_expired[table->page_count] = false;
        table->pages[table->page_count++] = NULL;
    }
    return 0;
}

static int make_page(struct future_table *table, size_t index)
{
    int r = reach(table, index);
    if (r < 0)
        return r;
    if (table->pages[index])
        return 0;
    struct page *page = calloc(1, sizeof(*page));
    if (!page)
        return -ENOMEM;
    for (size_t i = 0; table->page_expired[index] && i < PAGE_SLOTS; i++)
        page->slots[i] = SLOT_EXPIRED;
    table->page_expired[index] = false;
    table->pages[index] = page;
    return 0;
}

static void set_slot(struct page *page, size_t slot, uint64_t value)
{
    uint64_t before = page->slots[slot];
    page->used -= is_future(before) || is_trace(before);
    page->futures -= is_future(before);
    page->slots[slot] = value;
    page->used += is_future(value) || is_trace(value);
    page->futures += is_future(value);
}

static uint64_t slot_at(const struct future_table *table, uint64_t id)
{
    if (id == 0 || id >= table->next_id)
        return SLOT_NONE;
    const struct page *page = table->pages[page_of(id)];
    if (!page)
        return table->page_expired[page_of(id)] ? SLOT_EXPIRED : SLOT_NONE;
    return page->slots[slot_of(id)];
}

/* ---- adding and removing ---- */

int future_table_reserve(struct future_table *table, uint64_t count)
{
    if (count == 0)
        return 0;
    if (count > UINT64_MAX / 2 - table->next_id)
        return -ENOMEM;
    size_t last = page_of(table->next_id + count - 1);
    for (size_t page = page_of(table->next_id); page <= last; page++) {
        int r = make_page(table, page);
        if (r < 0)
            return r;
    }
    return 0;
}

uint64_t future_table_add(struct future_table *table, struct future *future, uint32_t uid)
{
    uint64_t id = table->next_id++;
    struct page *page = table->pages[page_of(id)];
    set_slot(page, slot_of(id), (uintptr_t)future);
    page->owners |= owner_bit(uid);
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
    set_slot(page, slot_of(id), expired ? SLOT_EXPIRED : SLOT_NONE);
    /* A page that may still get new ids stays. */
    if (page->used > 0 || table->next_id <= last_of_page(index))
        return;
    table->page_expired[index] = expired;
    table->pages[index] = NULL;
    free(page);
}

void future_table_page_out(struct future_table *table, uint64_t id, const struct trace *trace)
{
    set_slot(table->pages[page_of(id)], slot_of(id), trace_slot(trace));
}

void future_table_page_in(struct future_table *table, uint64_t id, struct future *future)
{
    set_slot(table->pages[page_of(id)], slot_of(id), (uintptr_t)future);
}

/* ---- finding ---- */

int future_table_find(const struct future_table *table, uint64_t id, struct future **ret_future)
{
    uint64_t slot = slot_at(table, id);
    if (slot == SLOT_NONE)
        return -ENOENT;
    if (slot == SLOT_EXPIRED)
        return -ESTALE;
    if (is_trace(slot))
        return -ENODATA;
    *ret_future = future_of(slot);
    return 0;
}

bool future_table_trace(const struct future_table *table, uint64_t id, struct trace *ret_trace)
{
    uint64_t slot = slot_at(table, id);
    if (!is_trace(slot))
        return false;
    *ret_trace = (struct trace){
        .uid = (uint32_t)(slot >> TRACE_UID_BIT),
        .state = slot & TRACE_CANCEL ? FUTURE_CANCELLED : FUTURE_FINISHED,
        .failed = slot & TRACE_FAILED,
        .is_map = slot & TRACE_MAP,
        .is_item = slot & TRACE_ITEM,
    };
    return true;
}

static struct future *below(const struct future_table *table, uint64_t id, uint64_t owners)
{
    if (id >= table->next_id)
        id = table->next_id - 1;
    while (id > 0) {
        const struct page *page = table->pages[page_of(id)];
        if (!page || page->futures == 0 || !(page->owners & owners)) {
            id -= slot_of(id) + 1;
            continue;
        }
        struct future *future = future_of(page->slots[slot_of(id)]);
        if (future)
            return future;
        id--;
    }
    return NULL;
}

static struct future *above(const struct future_table *table, uint64_t id, uint64_t owners)
{
    if (id == 0)
        id = 1;
    while (id < table->next_id) {
        const struct page *page = table->pages[page_of(id)];
        if (!page || page->futures == 0 || !(page->owners & owners)) {
            id += PAGE_SLOTS - slot_of(id);
            continue;
        }
        struct future *future = future_of(page->slots[slot_of(id)]);
        if (future)
            return future;
        id++;
    }
    return NULL;
}

static uint64_t known_above(const struct future_table *table, uint64_t id, uint64_t owners)
{
    if (id == 0)
        id = 1;
    while (id < table->next_id) {
        const struct page *page = table->pages[page_of(id)];
        if (!page || page->used == 0 || !(page->owners & owners)) {
            id += PAGE_SLOTS - slot_of(id);
            continue;
        }
        uint64_t slot = page->slots[slot_of(id)];
        if (is_future(slot) || is_trace(slot))
            return id;
        id++;
    }
    return 0;
}

struct future *future_table_below(const struct future_table *table, uint64_t id)
{
    return below(table, id, ANY_OWNER);
}

struct future *future_table_above(const struct future_table *table, uint64_t id)
{
    return above(table, id, ANY_OWNER);
}

uint64_t future_table_known_above(const struct future_table *table, uint64_t id)
{
    return known_above(table, id, ANY_OWNER);
}

struct future *future_table_below_of(const struct future_table *table, uint64_t id, uint32_t uid)
{
    return below(table, id, owner_bit(uid));
}

struct future *future_table_above_of(const struct future_table *table, uint64_t id, uint32_t uid)
{
    return above(table, id, owner_bit(uid));
}

uint64_t future_table_known_above_of(const struct future_table *table, uint64_t id, uint32_t uid)
{
    return known_above(table, id, owner_bit(uid));
}

/* ---- at the start ---- */

static int restore(struct future_table *table, uint64_t id, uint64_t slot, uint32_t uid)
{
    int r = make_page(table, page_of(id));
    if (r < 0)
        return r;
    struct page *page = table->pages[page_of(id)];
    set_slot(page, slot_of(id), slot);
    page->owners |= owner_bit(uid);
    return future_table_skip_to(table, id + 1);
}

int future_table_restore(struct future_table *table, uint64_t id, struct future *future,
                         uint32_t uid)
{
    return restore(table, id, (uintptr_t)future, uid);
}

int future_table_restore_trace(struct future_table *table, uint64_t id, const struct trace *trace)
{
    return restore(table, id, trace_slot(trace), trace->uid);
}

int future_table_restore_expired(struct future_table *table, uint64_t first, uint64_t last)
{
    uint64_t id = first;
    while (id <= last) {
        size_t index = page_of(id);
        uint64_t end = last < last_of_page(index) ? last : last_of_page(index);
        bool whole = slot_of(id) == 0 && end == last_of_page(index);
        int r = whole ? reach(table, index) : make_page(table, index);
        if (r < 0)
            return r;
        struct page *page = table->pages[index];
        if (!page)
            table->page_expired[index] = true;
        for (; page && id <= end; id++)
            if (page->slots[slot_of(id)] == SLOT_NONE)
                page->slots[slot_of(id)] = SLOT_EXPIRED;
        id = end + 1;
    }
    return future_table_skip_to(table, last + 1);
}

int future_table_skip_to(struct future_table *table, uint64_t next_id)
{
    if (next_id <= table->next_id)
        return 0;
    int r = reach(table, page_of(next_id));
    if (r == 0)
        table->next_id = next_id;
    return r;
}
