/* A PKCS#11 module in front of another one, which does what it is told to do wrong.
 *
 * BASE is the path of the real module. MISSING, when it is defined, is the index of a function that is left out.
 * `hostile` says what is done wrong from then on; `hostile_count` how often C_Login was called. */
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong;
typedef struct { ulong type; void *parameter; ulong length; } mechanism;
typedef struct { unsigned char *iv; ulong iv_len, iv_bits; unsigned char *aad; ulong aad_len, tag_bits; } gcm;

enum { INITIALIZE = 0, OPEN_SESSION = 12, LOGIN = 18, FIND_OBJECTS = 27, ENCRYPT_INIT = 29, ENCRYPT = 30,
       DECRYPT_INIT = 33, DECRYPT = 34, COUNT = 68 };
enum { OK = 0, SESSION_COUNT = 0xB1, GENERAL_ERROR = 5, CANT_LOCK = 0x0A, MECHANISM_PARAM_INVALID = 0x71,
       OPERATION_ACTIVE = 0x90, UNKNOWN = 0x12345 };

/* What is done wrong. */
enum {
    NOTHING, SAYS_TOO_LITTLE, SAYS_TOO_MUCH, SAYS_MORE_THAN_THERE_IS, SEALS_SHORT, SAYS_IT_SEALED_MORE,
    OPENS_31, OPENS_33, OPENS_ZEROS, OPENS_ANOTHER, OPENS_NOTHING, FINDS_MORE_THAN_ASKED, HAS_NO_SESSIONS,
    OVERWRITES_NONCES, REFUSES_NONCES, LEAVES_NONCES_ZERO, STAYS_ACTIVE, IGNORES_AAD, ANSWERS_UNKNOWN,
    CANNOT_LOCK, IS_SLOW
};

static struct { unsigned char version[8]; void *function[COUNT]; } table;
static void *real[COUNT];
static volatile int wrong;
static volatile int logins;
static __thread int active;

void hostile(int what) { wrong = what; }
int hostile_count(void) { return logins; }

static ulong initialize(void *arguments) {
    return wrong == CANNOT_LOCK ? CANT_LOCK : ((ulong(*)(void *))real[INITIALIZE])(arguments);
}

static ulong open_session(ulong slot, ulong flags, void *a, void *n, ulong *session) {
    if (wrong == HAS_NO_SESSIONS) return SESSION_COUNT;
    active = 0;
    return ((ulong(*)(ulong, ulong, void *, void *, ulong *))real[OPEN_SESSION])(slot, flags, a, n, session);
}

static ulong login(ulong session, ulong user, unsigned char *pin, ulong length) {
    __sync_fetch_and_add(&logins, 1);
    return ((ulong(*)(ulong, ulong, unsigned char *, ulong))real[LOGIN])(session, user, pin, length);
}

static ulong find_objects(ulong session, ulong *objects, ulong max, ulong *count) {
    ulong rv = ((ulong(*)(ulong, ulong *, ulong, ulong *))real[FIND_OBJECTS])(session, objects, max, count);
    if (wrong == FINDS_MORE_THAN_ASKED && *count > 0) *count = max + 3;
    return rv;
}

static ulong init(int function, ulong session, mechanism *m, ulong key) {
    ulong (*next)(ulong, mechanism *, ulong) = real[function];
    static const unsigned char zeros[12];
    if (m->length == sizeof(gcm)) {
        gcm *p = m->parameter;
        int is_zero = memcmp(p->iv, zeros, 12) == 0;
        if (function == ENCRYPT_INIT) {
            if (wrong == REFUSES_NONCES || wrong == LEAVES_NONCES_ZERO) {
                if (!is_zero) return MECHANISM_PARAM_INVALID;
            }
            if (wrong == OVERWRITES_NONCES || wrong == REFUSES_NONCES) {
                static unsigned char counter;
                memset(p->iv, 0x5a, 12);
                p->iv[11] = __sync_add_and_fetch(&counter, 1);
            }
        }
        if (wrong == IGNORES_AAD) {
            gcm other = *p;
            mechanism m2 = *m;
            other.aad = (unsigned char *)"nothing";
            other.aad_len = 7;
            m2.parameter = &other;
            return next(session, &m2, key);
        }
    }
    if (wrong == STAYS_ACTIVE && active) return OPERATION_ACTIVE;
    return next(session, m, key);
}

static ulong encrypt_init(ulong session, mechanism *m, ulong key) { return init(ENCRYPT_INIT, session, m, key); }
static ulong decrypt_init(ulong session, mechanism *m, ulong key) { return init(DECRYPT_INIT, session, m, key); }

static ulong encrypt(ulong session, unsigned char *in, ulong in_len, unsigned char *out, ulong *out_len) {
    ulong (*next)(ulong, unsigned char *, ulong, unsigned char *, ulong *) = real[ENCRYPT];
    ulong room = *out_len;
    if (out != NULL && wrong == SAYS_TOO_MUCH) room = in_len + 16;
    if (wrong == ANSWERS_UNKNOWN) return UNKNOWN;
    ulong rv = next(session, in, in_len, out, out == NULL ? out_len : &room);
    if (out != NULL) *out_len = room;
    if (rv != OK) return rv;
    if (out == NULL) {
        if (wrong == SAYS_TOO_LITTLE) *out_len = 7;
        if (wrong == SAYS_TOO_MUCH) *out_len = 4096;
        if (wrong == SAYS_MORE_THAN_THERE_IS) *out_len = ~0UL;
    } else {
        if (wrong == SEALS_SHORT) *out_len = 20;
        if (wrong == SAYS_IT_SEALED_MORE) *out_len = 4096;
    }
    return rv;
}

static ulong decrypt(ulong session, unsigned char *in, ulong in_len, unsigned char *out, ulong *out_len) {
    ulong (*next)(ulong, unsigned char *, ulong, unsigned char *, ulong *) = real[DECRYPT];
    if (wrong == IS_SLOW && out != NULL) sleep(2);
    ulong rv = next(session, in, in_len, out, out_len);
    if (rv != OK && wrong == STAYS_ACTIVE) active = 1;
    if (wrong == OPENS_NOTHING) return GENERAL_ERROR;
    if (rv != OK) return rv;
    if (wrong == OPENS_33 && out == NULL) *out_len = 64;
    if (out != NULL) {
        if (wrong == OPENS_31) *out_len = 31;
        if (wrong == OPENS_33) { out[32] = 1; *out_len = 33; }
        if (wrong == OPENS_ZEROS) memset(out, 0, *out_len);
        if (wrong == OPENS_ANOTHER) memset(out, 0x77, *out_len);
    }
    return rv;
}

ulong C_GetFunctionList(void **list) {
    void *base = dlopen(BASE, RTLD_NOW | RTLD_LOCAL);
    if (base == NULL) return GENERAL_ERROR;
    ulong (*get)(void **) = dlsym(base, "C_GetFunctionList");
    unsigned char *theirs;
    ulong rv = get((void **)&theirs);
    if (rv != OK) return rv;
    memcpy(&table, theirs, sizeof table);
    memcpy(real, table.function, sizeof real);
    table.function[INITIALIZE] = initialize;
    table.function[OPEN_SESSION] = open_session;
    table.function[LOGIN] = login;
    table.function[FIND_OBJECTS] = find_objects;
    table.function[ENCRYPT_INIT] = encrypt_init;
    table.function[ENCRYPT] = encrypt;
    table.function[DECRYPT_INIT] = decrypt_init;
    table.function[DECRYPT] = decrypt;
#ifdef MISSING
    table.function[MISSING] = NULL;
#endif
    *list = &table;
    return OK;
}
