/** Parts are named by what they are: the numbers that webpack gives them otherwise depend on the folder it runs in. */
module.exports = { optimization: { moduleIds: 'named' } };
