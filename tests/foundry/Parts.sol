// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IBKS} from "../../contracts/interfaces/IBKS.sol";
import {ICollectionFactory} from "../../contracts/interfaces/ICollectionFactory.sol";
import {IResaleMarket} from "../../contracts/interfaces/IResaleMarket.sol";
import {ITicketCollection} from "../../contracts/interfaces/ITicketCollection.sol";

/// @title What these tests call of the contracts: our interfaces and the standards'. The code comes from the artifacts.
interface IOwned {
    function owner() external view returns (address);
    function ownershipHandoverExpiresAt(address account) external view returns (uint256);
    function requestOwnershipHandover() external payable;
    function cancelOwnershipHandover() external payable;
    function completeOwnershipHandover(address account) external payable;
    function transferOwnership(address account) external payable;
    function renounceOwnership() external payable;
}

interface Collection is ITicketCollection, IERC721, IOwned {
    function royaltyInfo(uint256 tokenId, uint256 price) external view returns (address receiver, uint256 royalty);
}

interface Market is IResaleMarket, IOwned {}

interface Factory is ICollectionFactory, IOwned {}

interface Token is IBKS, IERC20, IERC20Permit, IOwned {}
