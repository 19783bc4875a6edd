// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SignatureCheckerLib} from "solady/src/utils/SignatureCheckerLib.sol";
import {Accounts} from "./Accounts.sol";

/// @title Whether an account signed a digest: ECDSA, or ERC-1271 for contracts.
library Signatures {
    /// @dev Half the order of secp256k1; a greater s has a smaller twin for the same signature (EIP-2).
    uint256 private constant _HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice True if `signer` signed `digest`.
    /// @dev Never true for the zero address. ECDSA signatures are exactly 65 bytes with v 27 or 28 and low s. An EIP-7702
    ///      delegated account has both a key and code: its key is asked first, because the code behind it may not know
    ///      ERC-1271 and the key rules the account anyway.
    function isValid(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (signer == address(0)) return false;
        if (signer.code.length == 0) return _isOwnKey(signer, digest, signature);
        if (Accounts.isDelegated(signer) && _isOwnKey(signer, digest, signature)) return true;
        return SignatureCheckerLib.isValidERC1271SignatureNowCalldata(signer, digest, signature);
    }

    /// @dev ECDSA by the account's own key.
    function _isOwnKey(address signer, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        if (signature.length != 65) return false;
        uint8 v = uint8(signature[64]);
        if (v != 27 && v != 28) return false;
        bytes32 s = bytes32(signature[32:64]);
        if (uint256(s) > _HALF_ORDER) return false;
        // ecrecover answers zero for garbage, and isValid has refused the zero address.
        return ecrecover(digest, v, bytes32(signature[0:32]), s) == signer;
    }
}
