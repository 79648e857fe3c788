/*
 * A message lane: hands a run of messages to a producer of librdkafka in one call, without copying their values.
 *
 * One file, loaded twice. Node loads it as an addon (Node-API) and gets `open` and `send`. librdkafka loads it as a
 * plugin (`plugin.library.paths`), calls `conf_init`, and so lets it learn which client it made. The client stays that
 * of node-rdkafka, which connects, polls, commits and closes it: what is missing there is a way to hand over messages
 * that costs less for each than making two buffers, a list of headers and a copy of the value. Both loads are of the
 * same file, so the loader makes one library of them, with one table of lanes. Nothing is used but the public
 * interfaces of both.
 *
 * How the two meet: `open` gives a ticket, a number that is never given twice. The property `collector.lane` of a
 * client's configuration names it. When librdkafka has made that client, the lane of the ticket leads to it, until it
 * is destroyed.
 *
 * Invariants:
 * - A lane leads to a client only while that may be used: from the moment its main thread runs, before which it is not
 *   all set up, until on_destroy, which comes before any of it is taken down. Clients are made and destroyed by other
 *   threads than the one that sends; `lock` is held for the whole of a `send`, so that on_destroy waits for its end.
 * - `send` never copies a value and never owns one: the caller keeps `source` alive and unchanged until librdkafka has
 *   let go of all messages, which it has when the transaction is committed or aborted, or the client is closed. Keys
 *   and headers are librdkafka's own copies.
 * - A run is looked over before any of it is handed over: none of its messages reaches out of `source`.
 * - After the first message was taken nothing can fail but the next message, so that the count is never lost.
 * - Partitioner, acknowledgements, limits: all is as the client's configuration says, for a topic that is named without
 *   a configuration has the default one, which is where node-rdkafka puts the topic-level properties.
 */
#define NAPI_VERSION 8
#include <node_api.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "rdkafka.h"

#define NAME "collector"
#define LANE_PROPERTY "collector.lane"

/* Far more than a process ever has: a forwarder has one producer at a time. */
#define LANES 64
/* Kafka's names of topics have at most 249 bytes; the header is ours. */
#define TEXT_BYTES_MAX 256
/* Of each message: keyFrom, keyTo, valueFrom, valueTo. */
#define PLACES_PER_MESSAGE 4

struct lane {
  /* 0: never used, or given back. */
  uint32_t ticket;
  /* NULL: not made yet. Only such a lane is ever given to somebody else. */
  rd_kafka_t *client;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lane lanes[LANES];
static uint32_t last_ticket = 0;

/* The lock must be held. NULL if the ticket is of no lane, or no longer. */
static struct lane *find_lane(uint32_t ticket) {
  if (ticket == 0) return NULL;
  for (size_t i = 0; i < LANES; i++)
    if (lanes[i].ticket == ticket) return &lanes[i];
  return NULL;
}

/*
 * The lock must be held. A free lane, or else the oldest whose client was never made: nobody says so when a client is
 * not made after all. NULL if each of them leads to a client.
 */
static struct lane *find_free_lane(void) {
  struct lane *oldest = NULL;
  for (size_t i = 0; i < LANES; i++) {
    if (lanes[i].client != NULL) continue;
    if (oldest == NULL || lanes[i].ticket < oldest->ticket) oldest = &lanes[i];
  }
  return oldest;
}

/* ---- The plugin. A ticket is small enough to be the opaque pointer itself, so nothing is allocated or freed. ---- */

static void *ticket_to_opaque(uint32_t ticket) { return (void *)(uintptr_t)ticket; }

static uint32_t ticket_of_opaque(void *opaque) { return (uint32_t)(uintptr_t)opaque; }

/* May come without on_thread_start, and twice, when a client fails to be made. */
static rd_kafka_resp_err_t on_destroy(rd_kafka_t *client, void *opaque) {
  (void)opaque;
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < LANES; i++)
    if (lanes[i].client == client) lanes[i] = (struct lane){0, NULL};
  pthread_mutex_unlock(&lock);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* At on_new the client is not set up; when its main thread starts it is, and creating it can no longer fail. */
static rd_kafka_resp_err_t on_thread_start(rd_kafka_t *client, rd_kafka_thread_type_t type, const char *name,
                                           void *opaque) {
  (void)name;
  if (type != RD_KAFKA_THREAD_MAIN) return RD_KAFKA_RESP_ERR_NO_ERROR;
  rd_kafka_resp_err_t result = RD_KAFKA_RESP_ERR__STATE;
  pthread_mutex_lock(&lock);
  struct lane *lane = find_lane(ticket_of_opaque(opaque));
  /* A second client of the same configuration has no lane: it would be sent what is meant for the first. */
  if (lane != NULL && lane->client == NULL) {
    lane->client = client;
    result = RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  pthread_mutex_unlock(&lock);
  return result;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *client, const rd_kafka_conf_t *conf, void *opaque, char *errstr,
                                  size_t errstr_size) {
  (void)conf;
  (void)errstr;
  (void)errstr_size;
  /* In this order: a lane that leads to a client must also be told of its end. */
  rd_kafka_resp_err_t result = rd_kafka_interceptor_add_on_destroy(client, NAME, on_destroy, opaque);
  if (result != RD_KAFKA_RESP_ERR_NO_ERROR) return result;
  return rd_kafka_interceptor_add_on_thread_start(client, NAME, on_thread_start, opaque);
}

static rd_kafka_conf_res_t on_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, char *errstr,
                                       size_t errstr_size, void *opaque) {
  (void)opaque;
  if (strcmp(name, LANE_PROPERTY) != 0) return RD_KAFKA_CONF_UNKNOWN;
  char *end = NULL;
  unsigned long ticket = value == NULL ? 0 : strtoul(value, &end, 10);
  if (ticket == 0 || ticket > UINT32_MAX || *end != '\0') {
    strncpy(errstr, LANE_PROPERTY " must be the number of a lane", errstr_size);
  } else if (rd_kafka_conf_interceptor_add_on_new(conf, NAME, on_new, ticket_to_opaque((uint32_t)ticket)) !=
             RD_KAFKA_RESP_ERR_NO_ERROR) {
    strncpy(errstr, LANE_PROPERTY " is set twice", errstr_size);
  } else {
    return RD_KAFKA_CONF_OK;
  }
  if (errstr_size > 0) errstr[errstr_size - 1] = '\0';
  return RD_KAFKA_CONF_INVALID;
}

/*
 * Called for every configuration that names this plugin, and for every copy of one: librdkafka sets the plugin's
 * property of the copy first and our own after it, so the copy needs no on_conf_dup.
 */
__attribute__((visibility("default"))) rd_kafka_resp_err_t conf_init(rd_kafka_conf_t *conf, void **opaque,
                                                                     char *errstr, size_t errstr_size) {
  (void)opaque;
  (void)errstr;
  (void)errstr_size;
  return rd_kafka_conf_interceptor_add_on_conf_set(conf, NAME, on_conf_set, NULL);
}

/* ---- The addon. ---- */

/* Throws what Node-API says of its last call, unless that has left an exception. */
static bool succeeded(napi_env env, napi_status status) {
  if (status == napi_ok) return true;
  const napi_extended_error_info *info = NULL;
  bool is_pending = false;
  const char *message = "an argument is not what it must be";
  if (napi_get_last_error_info(env, &info) == napi_ok && info->error_message != NULL) message = info->error_message;
  if (napi_is_exception_pending(env, &is_pending) == napi_ok && !is_pending) napi_throw_type_error(env, NULL, message);
  return false;
}

#define REQUIRE(call) \
  do { \
    if (!succeeded(env, (call))) return NULL; \
  } while (0)

/* open(): ticket. Throws if each of the lanes leads to a producer. */
static napi_value open_lane(napi_env env, napi_callback_info info) {
  (void)info;
  uint32_t ticket = 0;
  pthread_mutex_lock(&lock);
  struct lane *lane = find_free_lane();
  if (lane != NULL) {
    ticket = ++last_ticket;
    *lane = (struct lane){ticket, NULL};
  }
  pthread_mutex_unlock(&lock);
  if (ticket == 0) {
    napi_throw_error(env, NULL, "every message lane leads to a producer");
    return NULL;
  }
  napi_value result;
  REQUIRE(napi_create_uint32(env, ticket, &result));
  return result;
}

struct run {
  uint32_t ticket;
  char topic[TEXT_BYTES_MAX];
  char header_name[TEXT_BYTES_MAX];
  char header_value[TEXT_BYTES_MAX];
  const char *source;
  size_t source_bytes;
  const int32_t *places;
  size_t messages;
  int64_t from;
  int64_t to;
  int32_t *outcome;
};

/* False, with an exception, for what is no string or does not fit. */
static bool read_text(napi_env env, napi_value value, char text[TEXT_BYTES_MAX]) {
  size_t bytes = 0;
  if (!succeeded(env, napi_get_value_string_utf8(env, value, NULL, 0, &bytes))) return false;
  if (bytes >= TEXT_BYTES_MAX) {
    napi_throw_range_error(env, NULL, "the name of a topic or a header is too long");
    return false;
  }
  return succeeded(env, napi_get_value_string_utf8(env, value, text, TEXT_BYTES_MAX, &bytes));
}

/* False, with an exception, for what is no typed array of this type. */
static bool read_array(napi_env env, napi_value value, napi_typedarray_type type, void **data, size_t *length) {
  napi_typedarray_type found;
  bool is_array = false;
  if (!succeeded(env, napi_is_typedarray(env, value, &is_array))) return false;
  if (is_array && !succeeded(env, napi_get_typedarray_info(env, value, &found, length, data, NULL, NULL)))
    return false;
  if (is_array && found == type) return true;
  napi_throw_type_error(env, NULL, "a typed array of another type is needed");
  return false;
}

#define SEND_ARGUMENTS 9

static bool read_run(napi_env env, napi_callback_info info, struct run *run) {
  size_t count = SEND_ARGUMENTS;
  napi_value arguments[SEND_ARGUMENTS];
  void *source = NULL, *places = NULL, *outcome = NULL;
  size_t place_count = 0, outcome_count = 0;
  if (!succeeded(env, napi_get_cb_info(env, info, &count, arguments, NULL, NULL)) ||
      !succeeded(env, napi_get_value_uint32(env, arguments[0], &run->ticket)) ||
      !read_text(env, arguments[1], run->topic) ||
      !read_text(env, arguments[2], run->header_name) ||
      !read_text(env, arguments[3], run->header_value) ||
      !read_array(env, arguments[4], napi_uint8_array, &source, &run->source_bytes) ||
      !read_array(env, arguments[5], napi_int32_array, &places, &place_count) ||
      !succeeded(env, napi_get_value_int64(env, arguments[6], &run->from)) ||
      !succeeded(env, napi_get_value_int64(env, arguments[7], &run->to)) ||
      !read_array(env, arguments[8], napi_int32_array, &outcome, &outcome_count))
    return false;
  /* An array without bytes may have no address, and a key or a value without one would be null and not empty. */
  run->source = source == NULL ? "" : source;
  run->places = places;
  run->messages = place_count / PLACES_PER_MESSAGE;
  run->outcome = outcome;
  if (outcome_count >= 2) return true;
  napi_throw_range_error(env, NULL, "there is no room for the outcome");
  return false;
}

static bool is_range(int64_t from, int64_t to, size_t end) {
  return from >= 0 && from <= to && (uint64_t)to <= end;
}

/* True if every message of the run is one of the places and lies within the source. */
static bool is_within(const struct run *run) {
  if (!is_range(run->from, run->to, run->messages)) return false;
  for (int64_t i = run->from; i < run->to; i++) {
    const int32_t *place = run->places + i * PLACES_PER_MESSAGE;
    if (!is_range(place[0], place[1], run->source_bytes)) return false;
    if (!is_range(place[2], place[3], run->source_bytes)) return false;
  }
  return true;
}

/* Hands over messages until one is refused. Returns how many were taken and leaves in `code` why the next was not. */
static int32_t hand_over(rd_kafka_t *client, const struct run *run, rd_kafka_resp_err_t *code) {
  /* For the length of the call: a handle that outlived it would have to be given back before the client is destroyed. */
  rd_kafka_topic_t *topic = rd_kafka_topic_new(client, run->topic, NULL);
  if (topic == NULL) {
    *code = rd_kafka_last_error();
    return 0;
  }
  rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
  *code = rd_kafka_header_add(headers, run->header_name, -1, run->header_value, -1);
  int64_t i = run->from;
  while (i < run->to && *code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const int32_t *place = run->places + i * PLACES_PER_MESSAGE;
    rd_kafka_headers_t *own = rd_kafka_headers_copy(headers);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(run->source + place[0]), (size_t)(place[1] - place[0])}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(run->source + place[2]), (size_t)(place[3] - place[2])}},
        /* Neither copied nor freed. */
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = 0},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = own},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(client, parts, sizeof parts / sizeof parts[0]);
    if (error == NULL) {
      i++;
      continue;
    }
    /* Headers are librdkafka's only once the message is. */
    *code = rd_kafka_error_code(error);
    rd_kafka_headers_destroy(own);
    rd_kafka_error_destroy(error);
  }
  rd_kafka_headers_destroy(headers);
  rd_kafka_topic_destroy(topic);
  return (int32_t)(i - run->from);
}

/*
 * send(ticket, topic, headerName, headerValue, source, places, from, to, outcome): undefined. Writes into `outcome`, an
 * Int32Array, how many messages were taken and why the next was not (0: all were). Throws, and takes none, for
 * arguments of another kind and for a message that is not within the source.
 */
static napi_value send_run(napi_env env, napi_callback_info info) {
  struct run run;
  if (!read_run(env, info, &run)) return NULL;
  if (!is_within(&run)) {
    napi_throw_range_error(env, NULL, "a message is out of the bounds of its source");
    return NULL;
  }
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__STATE;
  int32_t taken = 0;
  pthread_mutex_lock(&lock);
  const struct lane *lane = find_lane(run.ticket);
  if (lane != NULL && lane->client != NULL) taken = hand_over(lane->client, &run, &code);
  pthread_mutex_unlock(&lock);
  run.outcome[0] = taken;
  run.outcome[1] = code;
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value open_function, send_function;
  REQUIRE(napi_create_function(env, "open", NAPI_AUTO_LENGTH, open_lane, NULL, &open_function));
  REQUIRE(napi_create_function(env, "send", NAPI_AUTO_LENGTH, send_run, NULL, &send_function));
  REQUIRE(napi_set_named_property(env, exports, "open", open_function));
  REQUIRE(napi_set_named_property(env, exports, "send", send_function));
  return exports;
}
