// An operator's file of any content: a directory that can be used, or problems with their places.
#include "directory/settings/directory.hpp"
#include "fuzz/check.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace valija;
    const std::string text(fuzz::text_of(data, size));
    for (const char* file :
         {"etc/valija.toml", "etc/partners.d/fuzz.toml", "etc/connectors.d/fuzz.toml"}) {
        settings::Overlay overlay{{"etc/valija.toml", "hostname = \"mail.contoso.com\"\n"}};
        overlay[file] = text;
        const auto loaded = settings::load("/nonexistent-home", overlay);
        if (!loaded) {
            CHECK_THAT(!loaded.error().empty());
            for (const auto& problem : loaded.error()) CHECK_THAT(!problem.text.empty());
            continue;
        }
        CHECK_THAT(!loaded->receive.empty() && !loaded->send.empty());
        CHECK_THAT(!loaded->connector_for("fabrikam.example").name.empty());
        CHECK_THAT(!settings::in_force(loaded->server).empty());
    }
    return 0;
}
