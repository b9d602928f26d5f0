#include "trust/keystore/internal/token_vault.hpp"

#include <algorithm>
#include <map>

#include "platform/store/file.hpp"
#include "trust/keystore/internal/token.hpp"

namespace valija::keystore::internal {
namespace {

constexpr std::string_view kSuffix = ".pkcs11";
constexpr size_t kLargestFile = 8192;

struct Known {
    std::string uri;
    Result<KeyHandle> key;
};

class TokenVault final : public KeyVault {
  public:
    TokenVault(std::string directory, const std::string& uri, std::function<void()> begin_anew)
        : directory_(std::move(directory)),
          files_(make_file_vault(directory_)),
          begin_anew_(std::move(begin_anew)),
          given_{.uri = uri, .key = not_asked_for()} {
        if (!uri.empty()) given_.key = token_key("the key given", uri);
        const auto names = store::list_files(directory_, kSuffix);
        for (const std::string& file : names.value_or(std::vector<std::string>())) {
            const std::string name = file.substr(0, file.size() - kSuffix.size());
            if (const auto text = uri_of(name)) {
                known_.emplace(name, Known{.uri = *text, .key = token_key(name, *text)});
            }
        }
    }

    Result<KeyHandle> create(const std::string& name, KeyType type, Export may) override {
        return files_->create(name, type, may);
    }

    Result<KeyHandle> import(const std::string& name, std::string_view file,
                             std::string_view password, Export may) override {
        return files_->import(name, file, password, may);
    }

    Result<KeyFile> examine(std::string_view file, std::string_view password) override {
        return files_->examine(file, password);
    }

    Result<KeyHandle> locate(const std::string& uri) override {
        return uri == given_.uri ? given_.key : not_asked_for();
    }

    Result<KeyHandle> attach(const std::string& name, const std::string& uri) override {
        auto key = locate(uri);
        if (!key) return key;
        if (!is_key_name(name)) return fault(FaultKind::Input, "keeping a key", "not a name");
        if (is_on_token(name) || files_->open(name)) {
            return fault(FaultKind::Input, "keeping a key", name + " has one already");
        }
        const auto written = store::write_file(path_of(name), uri + "\n", 0600);
        if (!written) return std::unexpected(written.error());
        known_.insert_or_assign(name, Known{.uri = uri, .key = *key});
        return key;
    }

    Result<KeyHandle> open(const std::string& name) override {
        if (!is_on_token(name)) return files_->open(name);
        const auto uri = uri_of(name);
        if (!uri) return std::unexpected(uri.error());
        const auto known = known_.find(name);
        if (known == known_.end() || known->second.uri != *uri) {
            begin_anew_();
            return not_asked_for();
        }
        return known->second.key;
    }

    Result<KeyHandle> key_for(const std::string& name, const x509::Certificate& leaf) override {
        auto key = open(name);
        return key && !key->belongs_to(leaf) ? not_its_key(name) : key;
    }

    Result<Export> may_leave(const std::string& name) override {
        return is_on_token(name) ? Export::Never : files_->may_leave(name);
    }

    Result<std::string> export_sealed(const std::string& name, const SealedCopy& copy) override {
        if (!is_on_token(name)) return files_->export_sealed(name, copy);
        return fault(FaultKind::Input, "exporting the key of " + name,
                     "it is on a token (PKCS#11), which it does not leave");
    }

    Result<std::vector<std::string>> list() override {
        auto names = files_->list();
        const auto files = store::list_files(directory_, kSuffix);
        if (!names || !files) return std::unexpected((names ? files : names).error());
        for (const std::string& file : *files) {
            names->push_back(file.substr(0, file.size() - kSuffix.size()));
        }
        std::ranges::sort(*names);
        return names;
    }

    // The key stays on its token; what goes is our way to it.
    Result<void> remove(const std::string& name) override {
        if (!is_on_token(name)) return files_->remove(name);
        known_.erase(name);
        auto removed = store::remove_file(path_of(name));
        return removed ? store::sync_directory(directory_) : removed;
    }

  private:
    static Result<KeyHandle> not_asked_for() {
        return fault(FaultKind::System, "using a key on a token",
                     "the token was not opened when the custody began");
    }

    std::string path_of(const std::string& name) const {
        return directory_ + "/" + name + std::string(kSuffix);
    }

    bool is_on_token(const std::string& name) const {
        if (!is_key_name(name)) return false;
        const auto files = store::list_files(directory_, name + std::string(kSuffix));
        return files && std::ranges::find(*files, name + std::string(kSuffix)) != files->end();
    }

    Result<std::string> uri_of(const std::string& name) const {
        auto text = store::read_file(path_of(name), kLargestFile);
        while (text && (text->ends_with('\n') || text->ends_with('\r'))) text->pop_back();
        return text;
    }

    std::string directory_;
    std::unique_ptr<KeyVault> files_;
    std::function<void()> begin_anew_;
    Known given_;
    std::map<std::string, Known> known_;
};

}  // namespace

std::unique_ptr<KeyVault> make_token_vault(std::string directory, const std::string& uri,
                                           std::function<void()> begin_anew) {
    return std::make_unique<TokenVault>(std::move(directory), uri, std::move(begin_anew));
}

}  // namespace valija::keystore::internal
