// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {ERC721} from "solady/src/tokens/ERC721.sol";
import {ECDSA} from "solady/src/utils/ECDSA.sol";
import {EIP712} from "solady/src/utils/EIP712.sol";

/// @title What our `buy` promises, written on Solady as thriftily as we know how.
/// @notice One signed price for one buyer, good once, with a deadline; supply, the signer's daily number, tickets a wallet
///         has taken; tier and status beside the owner; promoter's and platform's share booked apart. The native coin only.
contract SoladyBoxOffice is ERC721, EIP712, Ownable {
    /// @dev The fields of our quote.
    struct Quote {
        bytes32 id;
        address buyer;
        uint16 tier;
        uint16 quantity;
        address currency;
        uint256 price;
        uint256 fee;
        uint64 deadline;
    }

    /// @dev One storage word.
    struct Signer {
        address account;
        uint32 perDay;
        uint32 day;
        uint32 count;
    }

    /// @dev One storage word.
    struct Counts {
        uint64 supply;
        uint64 minted;
        uint32 perWallet;
        bool paused;
    }

    /// @dev One storage word.
    struct Due {
        uint128 promoter;
        uint128 platform;
    }

    bytes32 private constant _QUOTE_TYPEHASH = keccak256(
        "TicketQuote(bytes32 id,address buyer,uint16 tier,uint16 quantity,address currency,uint256 price,uint256 fee,uint64 deadline)"
    );
    uint256 private constant _SINGLE = 1 << 52;

    Signer private _signer;
    Counts private _counts;
    mapping(address currency => Due) public due;
    mapping(bytes32 id => bool) private _used;

    /// @notice A purchase, as our TicketsBought.
    event TicketsBought(
        bytes32 indexed quoteId,
        address indexed buyer,
        uint256 indexed firstTokenId,
        uint16 tier,
        uint16 quantity,
        address currency,
        uint256 price,
        uint256 fee
    );

    /// @notice Something of a purchase is not as it should be.
    error Refused();

    /// @notice Names the signer and the limits.
    constructor(address signer, uint32 perDay, uint64 supply, uint32 perWallet) {
        _initializeOwner(msg.sender);
        (_signer.account, _signer.perDay) = (signer, perDay);
        (_counts.supply, _counts.perWallet) = (supply, perWallet);
    }

    /// @notice Pays and mints.
    function buy(Quote calldata q, bytes calldata signature) external payable returns (uint256 first) {
        if (msg.sender != q.buyer || block.timestamp > q.deadline || q.quantity == 0 || q.fee > q.price) revert Refused();
        if (q.currency != address(0) || msg.value != q.price || _used[q.id]) revert Refused();
        Signer memory signer = _signer;
        bytes32 digest = _hashTypedData(keccak256(abi.encode(_QUOTE_TYPEHASH, q)));
        if (ECDSA.tryRecoverCalldata(digest, signature) != signer.account) revert Refused();
        _used[q.id] = true;

        uint32 today = uint32(block.timestamp / 1 days);
        if (signer.day != today) (signer.day, signer.count) = (today, 0);
        signer.count += q.quantity;
        if (signer.count > signer.perDay) revert Refused();
        _signer = signer;

        Counts memory counts = _counts;
        first = _SINGLE | counts.minted;
        counts.minted += q.quantity;
        if (counts.paused || counts.minted > counts.supply) revert Refused();
        _counts = counts;
        for (uint256 i; i < q.quantity; ++i) {
            _mintAndSetExtraDataUnchecked(msg.sender, first + i, q.tier);
        }
        uint224 taken = _getAux(msg.sender) + q.quantity;
        if (counts.perWallet != 0 && taken > counts.perWallet) revert Refused();
        _setAux(msg.sender, taken);

        Due storage booked = due[q.currency];
        (uint128 promoter, uint128 platform) = (booked.promoter, booked.platform);
        (booked.promoter, booked.platform) = (promoter + uint128(q.price - q.fee), platform + uint128(q.fee));
        emit TicketsBought(q.id, msg.sender, first, q.tier, q.quantity, q.currency, q.price, q.fee);
    }

    /// @inheritdoc ERC721
    function name() public pure override returns (string memory) {
        return "Tickets";
    }

    /// @inheritdoc ERC721
    function symbol() public pure override returns (string memory) {
        return "TIX";
    }

    /// @inheritdoc ERC721
    function tokenURI(uint256) public pure override returns (string memory) {
        return "";
    }

    /// @inheritdoc EIP712
    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("Tickets", "1");
    }
}
