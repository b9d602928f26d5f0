#include "transport/receive/receiver.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "protocol/smtp/reply.hpp"
#include "transport/receive/session.hpp"

namespace valija::receive {

using boost::asio::ip::tcp;

Admission::Place::Place(Admission* admission, std::string source)
    : admission_(admission), source_(std::move(source)) {}

Admission::Place::Place(Place&& other) noexcept
    : admission_(std::exchange(other.admission_, nullptr)), source_(std::move(other.source_)) {}

Admission::Place::~Place() {
    if (admission_ != nullptr) {
        admission_->leave(source_);
    }
}

std::unique_ptr<Admission::Place> Admission::enter(const std::string& source, int64_t limit,
                                                   int64_t source_limit) {
    std::scoped_lock const lock(mutex_);
    int64_t& of_source = by_source_[source];
    if (all_ >= limit || (source_limit > 0 && of_source >= source_limit)) {
        if (of_source == 0) {
            by_source_.erase(source);
        }
        return nullptr;
    }
    ++all_;
    ++of_source;
    return std::make_unique<Place>(this, source);
}

void Admission::leave(const std::string& source) {
    std::scoped_lock const lock(mutex_);
    --all_;
    const auto found = by_source_.find(source);
    VALIJA_ENSURE(found != by_source_.end(), "a place is given back once");
    if (--found->second == 0) {
        by_source_.erase(found);
    }
}

Receiver::Receiver(Parts parts, net::Loops& loops, net::TaskGroup& tasks)
    : parts_(std::move(parts)), loops_(loops), tasks_(tasks) {}

// All addresses are asked for before the first is opened: of our own connectors one may have
// 0.0.0.0 and another one an address of it.
Result<void> Receiver::open() {
    const auto world = parts_.world.get();
    std::vector<std::pair<size_t, tcp::endpoint>> places;
    for (size_t i = 0; i < world->directory.receive.size(); ++i) {
        for (const std::string& address : world->directory.receive[i].listen) {
            const auto endpoint = net::parse_endpoint(address);
            if (!endpoint) {
                return std::unexpected(endpoint.error());
            }
            if (const auto unused = net::check_unused(*endpoint); !unused) {
                return unused;
            }
            places.emplace_back(i, *endpoint);
        }
    }
    for (const auto& [connector, endpoint] : places) {
        if (const auto opened = listen(connector, endpoint); !opened) {
            return opened;
        }
    }
    return {};
}

Result<void> Receiver::listen(size_t connector, const tcp::endpoint& endpoint) {
    const std::string name = parts_.world.get()->directory.receive[connector].name;
    tcp::endpoint actual = endpoint;
    for (size_t i = 0; i < loops_.size(); ++i) {
        auto listener = net::Listener::open(loops_.at(i).get_executor(), actual);
        if (!listener) {
            return std::unexpected(listener.error());
        }
        auto shared = std::make_shared<net::Listener>(std::move(*listener));
        actual = shared->local();
        doors_.push_back({&loops_.at(i), shared, actual});
        auto handle = [this, name](tcp::socket socket) { admit(name, std::move(socket)); };
        if (!tasks_.spawn(loops_.at(i).get_executor(), shared->accept_all(handle))) {
            return fault(FaultKind::Stopped, "starting to listen on " + net::endpoint_text(actual));
        }
    }
    return {};
}

void Receiver::close() {
    for (const Door& door : doors_) {
        boost::asio::post(*door.loop, [listener = door.listener] { listener->close(); });
    }
}

std::vector<tcp::endpoint> Receiver::addresses() const {
    std::vector<tcp::endpoint> all;
    for (const Door& door : doors_) {
        if (std::ranges::find(all, door.endpoint) == all.end()) {
            all.push_back(door.endpoint);
        }
    }
    return all;
}

namespace {

bool covers(const std::vector<std::string>& ranges, const boost::asio::ip::address& address) {
    return std::ranges::any_of(ranges, [&](const std::string& text) {
        const auto range = net::parse_range(text);
        return range && range->covers(address);
    });
}

// Whom a session counts for: of IPv6 the /64, which one host may have for itself.
std::string source_of(const boost::asio::ip::address& address) {
    if (!address.is_v6() || address.to_v6().is_v4_mapped()) {
        return address.to_string();
    }
    auto bytes = address.to_v6().to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
    return boost::asio::ip::address_v6(bytes).to_string() + "/64";
}

// Turned away at the door; whether the client reads it is its own affair.
void turn_away(tcp::socket socket, const std::string& fqdn) {
    boost::system::error_code ignored;
    const std::string line =
        smtp::reply(421, "4.7.0", fqdn + " Too many connections, try again later").wire();
    socket.non_blocking(true, ignored);
    socket.write_some(boost::asio::buffer(line), ignored);
    socket.close(ignored);
}

}  // namespace

void Receiver::admit(const std::string& connector, tcp::socket socket) {
    boost::system::error_code failed;
    const tcp::endpoint remote = socket.remote_endpoint(failed);
    if (failed) {
        return;  // gone before we looked
    }
    parts_.counters.add(observe::Metric::Connections);
    const auto world = parts_.world.get();
    const auto& rows = world->directory.receive;
    auto found = std::ranges::find(rows, connector, &settings::Receive::name);
    if (found == rows.end()) {  // its file is gone: this door closes with the next restart
        parts_.log.emit(observe::Event::SessionRefused,
                        {{"client", net::endpoint_text(remote)},
                         {"connector", connector},
                         {"text", "the connector is no longer configured"}});
        turn_away(std::move(socket), world->directory.server.hostname);
        return;
    }
    const settings::Receive& row = *found;
    const bool unlimited = covers(row.unlimited_sources, remote.address());
    auto place = admission_.enter(source_of(remote.address()), row.max_sessions,
                                  unlimited ? 0 : row.max_sessions_per_source);
    if (!place) {
        parts_.log.emit(observe::Event::SessionRefused,
                        {{"client", net::endpoint_text(remote)}, {"connector", row.name}});
        turn_away(std::move(socket), row.fqdn);
        return;
    }
    SessionSetting setting{.connector = row,
                           .may_relay = covers(row.relay_from, remote.address()),
                           .place = std::move(place)};
    const auto executor = socket.get_executor();
    tasks_.spawn(executor, run_session(&parts_, std::move(setting), std::move(socket)));
}

}  // namespace valija::receive
