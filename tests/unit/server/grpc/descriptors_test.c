// SPDX-License-Identifier: Apache-2.0
/* What reflection says holds together. */
#include "formats/protobuf.h"
#include "server/grpc/descriptors.h"

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
