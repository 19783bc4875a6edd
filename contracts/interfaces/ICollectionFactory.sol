// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ITicketRules} from "./ITicketRules.sol";

/// @title What a promoter, the platform's deployer and the index need of the factory.
/// @notice The factory makes one collection per event as an ERC-1167 clone at an address known beforehand.
interface ICollectionFactory {
    /// @notice Everything a collection starts with. The promoter signs all of it.
    /// @param promoter owner() of the collection.
    /// @param eventRef The event's id: a UUID, right-aligned in 32 bytes.
    /// @param version Which registered implementation to clone.
    /// @param name ERC-721 name.
    /// @param symbol ERC-721 symbol.
    /// @param baseURI Prefix of the metadata files, with its closing slash.
    /// @param maxSupply Tickets that can ever be minted; at least 1.
    /// @param royaltyReceiver ERC-2981 receiver; may be zero when royaltyBps is zero.
    /// @param royaltyBps ERC-2981 royalty in basis points, at most 1000.
    /// @param minter Who may mint batches.
    /// @param minterAllowance How many tickets the minter may mint.
    /// @param claimSigner Whose voucher a claim needs.
    /// @param claimsPerDay How many claims may pass in one UTC day.
    /// @param operator Who may set a ticket's status and burn void tickets.
    /// @param guardian Who may pause and revoke.
    /// @param mintsPerDay How many tickets the minter may mint in one UTC day.
    /// @param quoteSigner Whose quotes buy accepts.
    /// @param quotesPerDay How many tickets may be bought by quote in one UTC day.
    /// @param market The only market that may ever sell the tickets on; zero for none.
    /// @param resaleCurrency The only currency they are ever sold on in; zero for the native coin.
    /// @param treasury Where the promoter's share goes; zero for the owner.
    /// @param feeReceiver Where the platform's share goes; zero if it takes none.
    /// @param rules The rules for moving tickets.
    /// @param tiers What the tickets of each tier cost; more can be published later.
    struct Params {
        address promoter;
        bytes32 eventRef;
        uint32 version;
        string name;
        string symbol;
        string baseURI;
        uint64 maxSupply;
        address royaltyReceiver;
        uint96 royaltyBps;
        address minter;
        uint64 minterAllowance;
        address claimSigner;
        uint32 claimsPerDay;
        address operator;
        address guardian;
        uint32 mintsPerDay;
        address quoteSigner;
        uint32 quotesPerDay;
        address market;
        address resaleCurrency;
        address treasury;
        address feeReceiver;
        ITicketRules.Rules rules;
        ITicketRules.TierTerms[] tiers;
    }

    /// @notice A collection was created and initialised.
    /// @param collection The collection.
    /// @param promoter Its owner.
    /// @param eventRef The event's id.
    /// @param version Which implementation it is a clone of.
    /// @param paramsHash keccak256(abi.encode(params)), the same that the collection's Initialized carries.
    event CollectionDeployed(
        address indexed collection,
        address indexed promoter,
        bytes32 indexed eventRef,
        uint32 version,
        bytes32 paramsHash
    );

    /// @notice An implementation was registered under the next version number.
    /// @param version Its number.
    /// @param implementation What is cloned for it.
    event VersionAdded(uint32 indexed version, address implementation);

    /// @notice An address gained or lost the right to deploy with a promoter's consent.
    /// @param deployer The address.
    /// @param allowed True if gained, false if lost.
    event DeployerChanged(address indexed deployer, bool allowed);

    /// @notice No implementation is registered under this number.
    /// @param version What was asked for.
    error UnknownVersion(uint32 version);

    /// @notice This promoter already has a collection for this event in this version.
    /// @param collection Where it is.
    error AlreadyDeployed(address collection);

    /// @notice The caller is neither the promoter nor a deployer.
    error NotDeployer();

    /// @notice The consent's deadline has passed.
    error ConsentExpired();

    /// @notice The consent is not the promoter's signature over exactly these parameters.
    error BadConsent();

    /// @notice An implementation must be a contract.
    /// @param account What was given.
    error NotAContract(address account);

    /// @notice Creates and initialises a collection in this transaction.
    /// @dev The promoter may call with an empty consent and any deadline. Anyone else must be a deployer and carry the
    ///      promoter's EIP-712 signature (ECDSA or ERC-1271) over CollectionConsent. Reverts: UnknownVersion,
    ///      AlreadyDeployed, NotDeployer, ConsentExpired, BadConsent, and what the collection's initialize reverts with.
    /// @param p The parameters.
    /// @param deadline Unix seconds; a consent is good up to and including this moment.
    /// @param consent The promoter's signature, empty when the promoter calls.
    /// @return collection The new collection.
    function deploy(Params calldata p, uint64 deadline, bytes calldata consent) external returns (address collection);

    /// @notice The address a collection has or will have.
    /// @dev Reverts: UnknownVersion.
    /// @param promoter Its owner.
    /// @param eventRef The event's id.
    /// @param version Which implementation.
    /// @return The same before and after it was made.
    function predict(address promoter, bytes32 eventRef, uint32 version) external view returns (address);

    /// @notice The implementation behind a version; zero if there is none.
    /// @param version Counts from 1.
    /// @return A registered one never changes.
    function implementation(uint32 version) external view returns (address);

    /// @notice The highest registered version; zero before the first.
    /// @return A version number.
    function latestVersion() external view returns (uint32);

    /// @notice Registers the next implementation. Only the owner; a registered version never changes.
    /// @dev Reverts: Unauthorized, NotAContract.
    /// @param implementation_ A contract; what it does is the owner's responsibility.
    /// @return version Its number.
    function addVersion(address implementation_) external returns (uint32 version);

    /// @notice Allows or stops a deployer. Only the owner.
    /// @param deployer The address.
    /// @param allowed True allows, false stops.
    function setDeployer(address deployer, bool allowed) external;

    /// @notice Whether an address may deploy with a promoter's consent.
    /// @param account The address.
    /// @return True if it may.
    function isDeployer(address account) external view returns (bool);

    /// @notice Whether this factory made the collection.
    /// @param account The address.
    /// @return True for good once it was deployed.
    function isCollection(address account) external view returns (bool);
}
