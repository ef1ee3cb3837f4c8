//! SEED (RFC 4269) in the shape of the other block ciphers.

use cbc::cipher::{
    Block, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockSizeUser, InOut, Key, KeyInit,
    KeySizeUser, ParBlocksSizeUser,
    consts::{U1, U16},
};

/// SEED and its key.
pub(super) struct Seed(cryptography::Seed);

impl KeySizeUser for Seed {
    type KeySize = U16;
}

impl KeyInit for Seed {
    fn new(key: &Key<Self>) -> Self {
        Seed(cryptography::Seed::new(&key.0))
    }
}

impl BlockSizeUser for Seed {
    type BlockSize = U16;
}

impl ParBlocksSizeUser for Seed {
    type ParBlocksSize = U1;
}

impl BlockCipherDecrypt for Seed {
    fn decrypt_with_backend(&self, f: impl BlockCipherDecClosure<BlockSize = U16>) {
        f.call(self);
    }
}

impl BlockCipherDecBackend for Seed {
    fn decrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        let plaintext = self.0.decrypt_block(&block.get_in().0);
        *block.get_out() = plaintext.into();
    }
}
