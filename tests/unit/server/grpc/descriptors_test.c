// SPDX-License-Identifier: Apache-2.0
/* What reflection says holds together. */
#include "base/text.h"
#include "formats/protobuf.h"
#include "server/grpc/descriptors.h"
#include "server/route.h"

#include "test.h"

TEST(descriptors_hold_together)
{
    CHECK(DESCRIPTOR_COUNT >= 3);
    for (size_t i = 0; i < DESCRIPTOR_COUNT; i++) {
        const struct descriptor *descriptor = &DESCRIPTORS[i];
        const char *imports = descriptor->imports, *symbols = descriptor->symbols;
        struct protobuf reader = protobuf_over(descriptor->bytes);
        struct protobuf_field field;
        struct error err = {0};
        struct bytes name;

        CHECK(descriptor_of_file(bytes_of(descriptor->name)) == descriptor);
        while (descriptor_next_name(&imports, &name))
            CHECK(descriptor_of_file(name));
        while (descriptor_next_name(&symbols, &name))
            CHECK(descriptor_of_symbol(name) == descriptor);
        /* FileDescriptorProto: the name is its field 1, and it can be read to its end */
        CHECK_OK(protobuf_next(&reader, &field, &err), err);
        CHECK(field.number == 1 && bytes_is(field.bytes, descriptor->name));
        while (field.number)
            CHECK_OK(protobuf_next(&reader, &field, &err), err);
    }
}

static void check_described(struct bytes name, void *context)
{
    char quoted[TEXT_QUOTE_SIZE];

    (void)context;
    if (!descriptor_of_symbol(name))
        fail_msg("reflection lists %s and does not describe it",
                 text_quote(name, quoted, sizeof quoted));
}

/* What reflection lists, it describes: proto/ has every service. */
TEST(services_are_described)
{
    struct router *router;
    struct error err = {0};

    CHECK_OK(router_new(routes_all(), &router, &err), err);
    router_services(router, check_described, NULL);
    router_free(router);
}

TEST(descriptors_of_symbols)
{
    const char *file = "grpc/health/v1/health.proto";

    CHECK_TEXT(descriptor_of_symbol(bytes_of("grpc.health.v1.Health"))->name, file);
    CHECK_TEXT(descriptor_of_symbol(bytes_of("grpc.health.v1.Health.Check"))->name, file);
    CHECK_TEXT(
        descriptor_of_symbol(bytes_of("grpc.health.v1.HealthCheckResponse.ServingStatus"))->name,
        file);
    CHECK(!descriptor_of_symbol(bytes_of("grpc.health.v1.Healt")));
    CHECK(!descriptor_of_symbol(bytes_of("grpc.health.v1.Healthy")));
    CHECK(!descriptor_of_symbol(bytes_of("")));
    CHECK(!descriptor_of_file(bytes_of("health.proto")));
}
