// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BKS} from "../../contracts/BKS.sol";
import {CollectionFactory} from "../../contracts/CollectionFactory.sol";
import {ResaleMarket} from "../../contracts/ResaleMarket.sol";
import {TicketCollection} from "../../contracts/TicketCollection.sol";
import {ICollectionFactory} from "../../contracts/interfaces/ICollectionFactory.sol";
import {ITicketRules} from "../../contracts/interfaces/ITicketRules.sol";
import {Permit} from "../../contracts/libraries/Payments.sol";
import {Cheats} from "./Cheats.sol";

/// @title One event on one chain: everybody has a key of their own.
abstract contract World is Cheats {
    uint256 internal constant CLAIM_KEY = 101;
    uint256 internal constant QUOTE_KEY = 102;
    uint256 internal constant FANS = 4;
    uint64 internal constant SUPPLY = 300;
    uint64 internal constant ALWAYS = type(uint64).max;

    address internal constant ADMIN = address(0xA1);
    address internal constant PROMOTER = address(0xA2);
    address internal constant MINTER = address(0xA3);
    address internal constant OPERATOR = address(0xA4);
    address internal constant GUARDIAN = address(0xA5);
    address internal constant TREASURY = address(0xA6);
    address internal constant FEES = address(0xA7);

    BKS internal bks;
    CollectionFactory internal factory;
    ResaleMarket internal market;
    TicketCollection internal collection;

    function build(address currency) internal {
        vm.warp(1_800_000_000);
        bks = new BKS(ADMIN);
        factory = new CollectionFactory(ADMIN);
        market = new ResaleMarket(ADMIN, address(factory), FEES, 250);
        TicketCollection implementation = new TicketCollection();
        vm.startPrank(ADMIN);
        factory.addVersion(address(implementation));
        bks.setMinter(ADMIN, true);
        vm.stopPrank();
        vm.prank(PROMOTER);
        collection = TicketCollection(factory.deploy(params(currency), 0, ""));
        for (uint256 i; i < FANS; ++i) {
            fund(fan(i));
        }
        fund(PROMOTER);
    }

    function fund(address who) internal {
        vm.deal(who, 1e30);
        vm.prank(ADMIN);
        bks.mint(who, 1e26);
        vm.startPrank(who);
        bks.approve(address(market), type(uint256).max);
        bks.approve(address(collection), type(uint256).max);
        vm.stopPrank();
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
        (p.claimSigner, p.claimsPerDay) = (vm.addr(CLAIM_KEY), 1000);
        (p.quoteSigner, p.quotesPerDay) = (vm.addr(QUOTE_KEY), 1000);
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

    function fan(uint256 i) internal pure returns (address) {
        return vm.addr(key(i));
    }

    function keyOf(address who) internal pure returns (uint256) {
        for (uint256 i; i < FANS; ++i) {
            if (fan(i) == who) return key(i);
        }
        return 0;
    }

    function none() internal pure returns (Permit memory p) {}

    function signed(uint256 signer, string memory name, address contract_, bytes32 structHash)
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
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(signer, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
        return abi.encodePacked(r, s, v);
    }
}
