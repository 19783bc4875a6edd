// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICollectionFactory} from "../../contracts/interfaces/ICollectionFactory.sol";
import {ITicketRules} from "../../contracts/interfaces/ITicketRules.sol";
import {Permit} from "../../contracts/libraries/Payments.sol";
import {Cheats} from "./Cheats.sol";
import {Collection, Factory, Market, Token} from "./Parts.sol";

/// @title A wallet of code that takes no coins: what is owed to it waits in the market.
contract Grump {}

/// @title One event on one chain: everybody has a key of their own.
/// @notice The contracts are not compiled here: their code is what the committed artifacts ship (through IR, tuned for
///         size), byte for byte. So what is tested is what is deployed, and compiling these tests takes seconds. Artifacts
///         of other sources are put in another folder under .build, named by BACKSTAGE_ARTIFACTS.
abstract contract World is Cheats {
    uint256 internal constant FANS = 4;
    uint256 internal constant SIGNERS = 3;
    uint64 internal constant SUPPLY = 48;
    uint64 internal constant ALWAYS = type(uint64).max;
    uint256 internal constant WEALTH = 1e30;
    uint256 internal constant TOKENS = 1e25;

    address internal constant ADMIN = address(0xA1);
    address internal constant PROMOTER = address(0xA2);
    address internal constant MINTER = address(0xA3);
    address internal constant OPERATOR = address(0xA4);
    address internal constant GUARDIAN = address(0xA5);
    address internal constant TREASURY = address(0xA6);
    address internal constant FEES = address(0xA7);
    address internal constant DEPLOYER = address(0xA8);
    /// @dev The second person for a role.
    uint160 internal constant OTHER = 0x100;

    Token internal bks;
    Factory internal factory;
    Market internal market;
    Collection internal collection;
    address internal implementation;
    address internal grump;
    address[FANS] private _fans;
    address[SIGNERS] private _signers;

    function build(address currency) internal {
        vm.warp(1_800_000_000);
        for (uint256 i; i < FANS; ++i) {
            _fans[i] = vm.addr(key(i));
        }
        for (uint256 i; i < SIGNERS; ++i) {
            _signers[i] = vm.addr(101 + i);
        }
        grump = address(new Grump());
        bks = Token(_create("BKS", abi.encode(ADMIN)));
        factory = Factory(_create("CollectionFactory", abi.encode(ADMIN)));
        market = Market(_create("ResaleMarket", abi.encode(ADMIN, factory, FEES, 250)));
        implementation = _create("TicketCollection", "");
        vm.prank(ADMIN);
        factory.addVersion(implementation);
        vm.prank(ADMIN);
        bks.setMinter(ADMIN, true);
        vm.prank(PROMOTER);
        collection = Collection(factory.deploy(params(currency), 0, ""));
        for (uint256 i; i < FANS; ++i) {
            fund(fan(i));
        }
        fund(PROMOTER);
        fund(other(PROMOTER));
    }

    function fund(address who) internal {
        vm.deal(who, WEALTH);
        vm.prank(ADMIN);
        bks.mint(who, TOKENS);
        vm.prank(who);
        bks.approve(address(market), type(uint256).max);
        vm.prank(who);
        bks.approve(address(collection), type(uint256).max);
    }

    function params(address currency) internal view returns (ICollectionFactory.Params memory p) {
        p.promoter = PROMOTER;
        p.eventRef = bytes32(uint256(1));
        p.version = 1;
        p.name = "Night";
        p.symbol = "N";
        p.baseURI = "ipfs://x/";
        p.maxSupply = SUPPLY;
        (p.royaltyReceiver, p.royaltyBps) = (PROMOTER, 500);
        (p.minter, p.minterAllowance, p.mintsPerDay) = (MINTER, SUPPLY, 1000);
        (p.claimSigner, p.claimsPerDay) = (signer(0), 1000);
        (p.quoteSigner, p.quotesPerDay) = (signer(1), 1000);
        (p.operator, p.guardian) = (OPERATOR, GUARDIAN);
        (p.market, p.resaleCurrency) = (address(market), currency == address(1) ? address(bks) : currency);
        (p.treasury, p.feeReceiver) = (TREASURY, FEES);
        p.rules = openRules();
        p.tiers = new ITicketRules.TierTerms[](2);
        p.tiers[0] = ITicketRules.TierTerms(1, 1e18, 100, 100);
        p.tiers[1] = ITicketRules.TierTerms(2, 2e18, 75, 100);
    }

    function openRules() internal pure returns (ITicketRules.Rules memory r) {
        (r.resale, r.capBps, r.giftLimit) = (true, 11_000, 255);
    }

    function key(uint256 i) internal pure returns (uint256) {
        return 1000 + i % FANS;
    }

    function fan(uint256 i) internal view returns (address) {
        return _fans[i % FANS];
    }

    /// @dev Keys that may sign vouchers and quotes, when they are named for it.
    function signer(uint256 i) internal view returns (address) {
        return _signers[i % SIGNERS];
    }

    function other(address who) internal pure returns (address) {
        return address(uint160(who) ^ OTHER);
    }

    /// @dev One of the two persons that share a role.
    function oneOf(address first, uint256 seed) internal pure returns (address) {
        return seed % 2 == 0 ? first : other(first);
    }

    /// @dev Zero for somebody who signs nothing.
    function keyOf(address who) internal view returns (uint256) {
        for (uint256 i; i < FANS; ++i) {
            if (_fans[i] == who) return key(i);
        }
        for (uint256 i; i < SIGNERS; ++i) {
            if (_signers[i] == who) return 101 + i;
        }
        return 0;
    }

    function none() internal pure returns (Permit memory p) {}

    /// @dev By somebody without a key: a signature that is nobody's.
    function signed(uint256 by, string memory name, address contract_, bytes32 structHash)
        internal
        view
        returns (bytes memory)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                contract_
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(by == 0 ? 7 : by, digest);
        return abi.encodePacked(r, s, v);
    }

    function _create(string memory name, bytes memory arguments) private returns (address made) {
        string memory folder = vm.envOr("BACKSTAGE_ARTIFACTS", "backend/chain/evm/artifacts");
        string memory file = vm.readFile(string.concat(folder, "/", name, ".json"));
        bytes memory code = bytes.concat(vm.parseJsonBytes(file, ".bytecode"), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        isTrue(made != address(0), name);
    }
}
